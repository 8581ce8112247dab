"""Eight weeks of market readings, the same on every machine: enough to page, filter and judge a regime."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from statistics import fmean, pstdev
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

_FIRST_CLOSE = datetime(2026, 8, 31, 20, tzinfo=UTC)
_DAYS = 40
_WINDOW = 20


class Instrument(NamedTuple):
    """A row of "Instrument", and how its reading walks: level, daily volatility (share), risk direction."""

    id: UUID
    symbol: str
    name: str
    kind: str
    level: float
    volatility: float
    direction: int


class Reading(NamedTuple):
    """A row of "Signal", in the order of its columns, without `createdBy`."""

    id: UUID
    instrument_id: UUID
    regime: str
    value: Decimal
    confidence: float
    factors: dict[str, float]
    observed_at: datetime
    created_at: datetime


def instruments() -> list[Instrument]:
    """Return the instruments; a ratio's symbol joins its legs with a dash, so that it fits a URL."""
    return [Instrument(uuid5(NAMESPACE_URL, row[0]), *row) for row in _INSTRUMENTS]


def readings() -> Iterator[Reading]:
    """Yield one reading for each instrument and trading day, oldest first for each instrument."""
    for instrument in instruments():
        yield from _walk(instrument)


def _walk(instrument: Instrument) -> Iterator[Reading]:
    # A seed for each symbol: adding an instrument leaves the others' numbers alone.
    dice = random.Random(instrument.symbol)  # noqa: S311  sample data
    level, seen = instrument.level, list[float]()
    for day in _trading_days():
        level *= 1 + dice.gauss(0.0004 * instrument.direction, instrument.volatility)
        seen = [*seen, level][-_WINDOW:]
        spread = pstdev(seen) or 1.0
        score = (level - fmean(seen)) / spread * instrument.direction
        factors = {
            "zscore": round(score, 4),
            "momentum5d": round((level / seen[-6:][0] - 1) * instrument.direction, 6),
            "volatility20d": round(spread / level, 6),
        }
        yield Reading(
            id=uuid5(instrument.id, day.isoformat()),
            instrument_id=instrument.id,
            regime="RISK_ON" if score > 0.5 else "RISK_OFF" if score < -0.5 else "NEUTRAL",
            value=Decimal(str(round(level, 6))),
            confidence=round(min(0.99, 0.5 + abs(score) / 5), 4),
            factors=factors,
            observed_at=day,
            created_at=(day + timedelta(minutes=4)).replace(tzinfo=None),
        )


def _trading_days() -> list[datetime]:
    days = (_FIRST_CLOSE + timedelta(days=offset) for offset in range(2 * _DAYS))
    return [day for day in days if day.weekday() < 5][:_DAYS]


_INSTRUMENTS = (
    ("SPY", "S&P 500", "INDEX", 652.4, 0.008, 1),
    ("QQQ", "Nasdaq 100", "INDEX", 588.1, 0.011, 1),
    ("IWM", "Russell 2000", "INDEX", 241.7, 0.012, 1),
    ("HYG-LQD", "High yield against investment grade credit", "RATIO", 0.7281, 0.0025, 1),
    ("XLY-XLP", "Consumer discretionary against staples", "RATIO", 2.914, 0.007, 1),
    ("SPHB-SPLV", "High beta against low volatility", "RATIO", 1.482, 0.01, 1),
    ("COPPER-GOLD", "Copper against gold", "RATIO", 0.001271, 0.012, 1),
    ("EEM-SPY", "Emerging markets against the US", "RATIO", 0.0803, 0.006, 1),
    ("VIX", "Implied volatility of the S&P 500", "VOLATILITY", 16.4, 0.05, -1),
    ("VIX-VIX3M", "Volatility term structure", "VOLATILITY", 0.887, 0.02, -1),
    ("US10Y-US3M", "Ten years against three months, percent", "RATE", 0.62, 0.03, 1),
    ("DXY", "US dollar index", "CURRENCY", 98.3, 0.004, -1),
)

"""The market's regime: one verdict from the readings of many instruments, in plain arithmetic.

Each instrument votes with the z-score of its newest reading against its own window, turned so that positive
means appetite for risk, and weighted by how reliable it usually is. Breadth is the share of votes for risk.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from math import tanh
from statistics import fmean, pstdev

from msgspec import Struct

from shared.database import Queries
from shared.instant import Instant
from shared.market.signals import Regime
from shared.market.thresholds import Thresholds, regime

MIN_READINGS = 5


class Reading(Struct, frozen=True, kw_only=True, rename="camel"):
    """One value on the time line of one instrument."""

    symbol: str
    observed_at: Instant
    value: Decimal


class Vote(Struct, frozen=True, kw_only=True, rename="camel"):
    """What one instrument says.

    Attributes:
        zscore: of the newest reading against the window, positive for risk.
        weight: 0 to 1; the weights of a report add up to 1.
    """

    symbol: str
    regime: Regime
    zscore: float
    weight: float
    observed_at: Instant


class RegimeReport(Struct, frozen=True, kw_only=True, rename="camel"):
    """The verdict.

    Attributes:
        score: -1 (all flee from risk) to 1 (all seek it).
        breadth: share of instruments that vote for risk, 0 to 1.
        agreement: 0 when the votes cancel each other, 1 when they all point one way.
        as_of: the newest reading that counted, None without any.
        votes: strongest first.
        left_out: symbols with too few readings to judge.
    """

    regime: Regime
    score: float
    breadth: float
    agreement: float
    as_of: Instant | None
    votes: list[Vote]
    left_out: list[str]


# Credit and volatility lead; a currency follows. An instrument that is not listed counts 1.
_WEIGHTS = {
    "HYG-LQD": 2.0,
    "VIX-VIX3M": 2.0,
    "SPHB-SPLV": 1.5,
    "XLY-XLP": 1.5,
    "COPPER-GOLD": 1.5,
    "DXY": 0.75,
}
# These rise when risk is shunned.
_INVERSE = frozenset({"VIX", "VIX-VIX3M", "DXY"})
_THRESHOLDS = Thresholds(risk_on=Decimal("0.2"), risk_off=Decimal("-0.2"))

_READINGS = """
SELECT "symbol", "observedAt", "value"
FROM (
    SELECT i."symbol", s."observedAt", s."value",
           row_number() OVER (PARTITION BY s."instrumentId" ORDER BY s."observedAt" DESC) AS "age"
    FROM "Signal" s JOIN "Instrument" i ON i."id" = s."instrumentId"
    WHERE $1::timestamptz IS NULL OR s."observedAt" <= $1
) AS "recent"
WHERE "age" <= $2
ORDER BY "symbol", "observedAt"
"""


async def readings(db: Queries, *, as_of: datetime | None = None, window: int = 20) -> list[Reading]:
    """Return the newest `window` readings of each instrument up to `as_of`, oldest first for each."""
    return await db.fetch(Reading, _READINGS, as_of, window)


def assess(readings: Iterable[Reading]) -> RegimeReport:
    """Judge the regime; blocks for about a millisecond for a thousand readings, and needs no database."""
    series: dict[str, list[Reading]] = defaultdict(list)
    for reading in sorted(readings, key=lambda reading: reading.observed_at):
        series[reading.symbol].append(reading)
    judged = {symbol: line for symbol, line in series.items() if len(line) >= MIN_READINGS}
    total = sum(_weight(symbol) for symbol in judged) or 1.0
    votes = [_vote(line, _weight(symbol) / total) for symbol, line in judged.items()]
    pulls = [vote.weight * tanh(vote.zscore / 2) for vote in votes]
    strength = sum(map(abs, pulls))
    return RegimeReport(
        regime=_regime(sum(pulls)),
        score=round(sum(pulls), 4),
        breadth=round(sum(vote.zscore > 0 for vote in votes) / (len(votes) or 1), 4),
        agreement=round(abs(sum(pulls)) / strength, 4) if strength else 0.0,
        as_of=max((vote.observed_at for vote in votes), default=None),
        votes=sorted(votes, key=lambda vote: -abs(vote.weight * vote.zscore)),
        left_out=sorted(set(series) - set(judged)),
    )


def _vote(line: Sequence[Reading], weight: float) -> Vote:
    newest = line[-1]
    zscore = _zscore([float(reading.value) for reading in line])
    if newest.symbol in _INVERSE:
        zscore = -zscore
    return Vote(
        symbol=newest.symbol,
        regime=_regime(tanh(zscore / 2)),
        zscore=round(zscore, 4),
        weight=round(weight, 4),
        observed_at=newest.observed_at,
    )


def _zscore(values: Sequence[float]) -> float:
    """Return how far the last value stands from the mean, in standard deviations; 0 for a flat line."""
    spread = pstdev(values)
    return (values[-1] - fmean(values)) / spread if spread else 0.0


def _regime(score: float) -> Regime:
    return regime(Decimal(score), _THRESHOLDS)


def _weight(symbol: str) -> float:
    return _WEIGHTS.get(symbol, 1.0)

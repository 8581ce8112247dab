"""The golden vectors of the example's utilities: the exchange's calendar, the thresholds of a regime."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from shared.market import calendar
from shared.market.signals import Regime
from shared.market.thresholds import Thresholds, regime
from tests.unit.test_vectors import CALLS as PRODUCT
from tests.unit.test_vectors import FOLDER, judge, vectors


def as_day(text: str) -> date:
    """A day as the wire writes it; Python alone would also read `20260225` and `2026-W09-3`."""
    return msgspec.convert(text, date)


def holidays(year: int) -> dict[str, str]:
    days = (date(year, 1, 1) + timedelta(days=n) for n in range(366))
    return {one.isoformat(): name for one in days if one.year == year and (name := calendar.holiday(one))}


def read_thresholds(levels: dict[str, str]) -> Thresholds:
    return Thresholds(**{name: Decimal(text) for name, text in levels.items()})


CALLS: dict[str, dict[str, Callable[..., Any]]] = {
    "calendar": {
        "holidays": holidays,
        "holiday": lambda day: calendar.holiday(as_day(day)),
        "isTradingDay": lambda day: calendar.is_trading_day(as_day(day)),
        "session": lambda day: msgspec.to_builtins(calendar.session(as_day(day))),
        "nextTradingDay": lambda day: calendar.next_trading_day(as_day(day)).isoformat(),
        "previousTradingDay": lambda day: calendar.previous_trading_day(
            msgspec.convert(day, date)
        ).isoformat(),
        "window": lambda end, days: [one.isoformat() for one in calendar.window(as_day(end), days)],
    },
    "thresholds": {
        "regime": lambda reading, thresholds, previous: str(
            regime(Decimal(reading), read_thresholds(thresholds), previous and Regime(previous))
        )
    },
}


@pytest.mark.parametrize(("calls", "vector"), list(vectors(CALLS)))
def test_vector(calls, vector):
    judge(calls[vector["call"]], vector)


def test_every_file_of_vectors_is_run():
    assert {path.stem for path in FOLDER.glob("*.json")} == {*CALLS, *PRODUCT, "schema"}


def test_sessions_are_at_half_past_nine_in_new_york_by_the_time_zone_database():
    new_york = ZoneInfo("America/New_York")
    one = date(2022, 1, 3)
    while one.year < 2037:
        session = calendar.session(one)
        if session is not None:
            assert session.opens == datetime(one.year, one.month, one.day, 9, 30, tzinfo=new_york)
            assert session.closes.astimezone(new_york).hour == (13 if session.early else 16)
        one += timedelta(days=1)

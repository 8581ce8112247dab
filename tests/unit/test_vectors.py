"""Every golden vector, by the Python implementations; `client/tests/vectors.test.ts` runs the same ones."""

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from shared.cursor import decode_cursor, encode_cursor
from shared.errors import Invalid
from shared.market import calendar
from shared.market.signals import Regime
from shared.market.thresholds import Thresholds, regime
from shared.rounding import round_decimal, round_ratio

FOLDER = Path(__file__).parents[2] / "contracts" / "vectors"
FILES = sorted(path for path in FOLDER.glob("*.json") if path.name != "schema.json")


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
    "rounding": {
        "roundRatio": lambda **given: f"{round_ratio(**given):f}",
        "roundDecimal": lambda **given: f"{round_decimal(**given):f}",
    },
    "cursor": {"encode": encode_cursor, "decode": decode_cursor},
    "thresholds": {
        "regime": lambda reading, thresholds, previous: str(
            regime(Decimal(reading), read_thresholds(thresholds), previous and Regime(previous))
        )
    },
}


def vectors():
    for path in FILES:
        for vector in json.loads(path.read_text())["cases"]:
            yield pytest.param(path.stem, vector, id=f"{path.stem}: {vector['name']}")


@pytest.mark.parametrize(("subject", "vector"), list(vectors()))
def test_vector(subject, vector):
    call = CALLS[subject][vector["call"]]
    if vector.get("refused"):
        with pytest.raises((ValueError, Invalid)):
            call(**vector["input"])
    else:
        assert call(**vector["input"]) == vector["expected"]


def test_every_file_is_known_and_fits_the_schema_of_vectors():
    assert {path.stem for path in FILES} == set(CALLS)
    schema = Draft202012Validator(json.loads((FOLDER / "schema.json").read_text()))
    for path in FILES:
        schema.validate(json.loads(path.read_text()))


def test_every_subject_has_negative_vectors():
    for path in FILES:
        assert any(vector.get("refused") for vector in json.loads(path.read_text())["cases"]), path.name


def test_sessions_are_at_half_past_nine_in_new_york_by_the_time_zone_database():
    new_york = ZoneInfo("America/New_York")
    one = date(2022, 1, 3)
    while one.year < 2037:
        session = calendar.session(one)
        if session is not None:
            assert session.opens == datetime(one.year, one.month, one.day, 9, 30, tzinfo=new_york)
            assert session.closes.astimezone(new_york).hour == (13 if session.early else 16)
        one += timedelta(days=1)


@given(st.lists(st.none() | st.text(st.characters(codec="utf-8"), max_size=20), max_size=4))
def test_a_cursor_reads_back_as_what_was_written(position):
    assert decode_cursor(encode_cursor(position), parts=len(position)) == position


@given(st.text(max_size=60))
def test_a_text_that_is_no_cursor_is_refused_by_name(text):
    with pytest.raises(Invalid) as refusal:
        decode_cursor("1." + text, parts=9)
    assert refusal.value.errors[0].field == "cursor"


@given(st.decimals(-1000, 1000, places=5), st.decimals(1, 1000, places=3), st.integers(0, 8))
def test_rounding_is_never_further_than_half_a_place_from_the_exact_ratio(above, below, places):
    rounded = round_ratio(above, below, places)
    assert abs(rounded * below - above) * 2 <= below * Decimal(1).scaleb(-places)

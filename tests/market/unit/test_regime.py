"""The verdict over the readings: plain arithmetic, checked by numbers that a person can follow."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.market.regime import MIN_READINGS, Reading, assess
from shared.market.signals import Regime

START = datetime(2026, 10, 1, 20, tzinfo=UTC)


def line(symbol: str, *values: float) -> list[Reading]:
    return [
        Reading(symbol=symbol, observed_at=START + timedelta(days=day), value=Decimal(str(value)))
        for day, value in enumerate(values)
    ]


def test_a_last_value_far_above_the_others_votes_for_risk():
    report = assess(line("SPY", 100, 100, 100, 100, 110))

    (vote,) = report.votes
    assert (vote.zscore, vote.weight, vote.regime) == (2.0, 1.0, Regime.RISK_ON)
    assert (report.regime, report.breadth, report.agreement) == (Regime.RISK_ON, 1.0, 1.0)
    assert report.as_of == START + timedelta(days=4)


def test_rising_volatility_votes_against_risk():
    (vote,) = assess(line("VIX", 15, 15, 15, 15, 30)).votes

    assert (vote.zscore, vote.regime) == (-2.0, Regime.RISK_OFF)


def test_equal_votes_either_way_are_neutral_and_without_agreement():
    report = assess(line("SPY", 1, 1, 1, 1, 2) + line("QQQ", 2, 2, 2, 2, 1))

    assert (report.regime, report.score, report.breadth, report.agreement) == (Regime.NEUTRAL, 0, 0.5, 0)


def test_credit_outweighs_a_currency():
    report = assess(line("HYG-LQD", 1, 1, 1, 1, 2) + line("DXY", 1, 1, 1, 1, 2))

    assert report.regime is Regime.RISK_ON
    assert [vote.symbol for vote in report.votes] == ["HYG-LQD", "DXY"]


def test_a_flat_line_has_no_opinion():
    assert assess(line("SPY", *[100] * 8)).votes[0].zscore == 0


def test_too_few_readings_are_left_out_and_named():
    report = assess(line("SPY", *range(1, MIN_READINGS)) + line("QQQ", *range(1, MIN_READINGS + 1)))

    assert report.left_out == ["SPY"]
    assert [vote.symbol for vote in report.votes] == ["QQQ"]


def test_nothing_to_judge_is_neutral():
    report = assess([])

    assert (report.regime, report.score, report.as_of, report.votes) == (Regime.NEUTRAL, 0, None, [])


@given(st.permutations(line("SPY", 5, 3, 8, 1, 9, 2) + line("VIX", 20, 22, 19, 25, 18, 30)))
def test_the_order_of_the_readings_does_not_matter(readings: list[Reading]):
    ordered = sorted(readings, key=lambda reading: (reading.symbol, reading.observed_at))

    assert assess(readings) == assess(ordered)


@pytest.mark.parametrize("scale", ["0.000001", "1", "1000000"])
def test_the_unit_of_a_reading_does_not_matter(scale: str):
    plain = line("COPPER-GOLD", 5, 3, 8, 1, 9)
    scaled = [
        Reading(symbol=r.symbol, observed_at=r.observed_at, value=r.value * Decimal(scale)) for r in plain
    ]

    assert assess(scaled).score == assess(plain).score

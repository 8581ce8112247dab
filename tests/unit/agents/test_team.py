"""A team says at once what is wrong with it."""

from typing import Any

import pytest

from shared.agents import Agent, Team
from shared.agents.running.limits import RunLimits
from shared.errors import TooManyRuns


def act_as_anybody(user_id: str) -> str:
    """Read somebody's signals."""
    return user_id


def silent(symbol: str) -> str:
    return symbol


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Agent("the analyst", ""), "not an identifier"),
        (lambda: Agent("analyst", "", (act_as_anybody,)), "takes user_id: the model would choose whom"),
        (lambda: Agent("analyst", "", (lambda symbol: symbol,)), "takes symbol without an annotation"),
        (lambda: Agent("analyst", "", (silent,)), "has no docstring"),
        (lambda: Team("regime", ()), "needs agents"),
        (lambda: Team("regime", (Agent("a", ""), Agent("a", ""))), "different names"),
        (lambda: Team("regime", (Agent("a", ""),), max_turns=0), "max_turns of at least 1"),
    ],
)
def test_a_wrong_team_is_refused_with_what_is_wrong(make: Any, told: str):
    with pytest.raises(ValueError, match=told):
        make()


def test_runs_are_limited_by_user_and_in_all_and_tell_when_to_try_again():
    limits = RunLimits(per_user=2, total=3)
    limits.admit("user_1")
    limits.admit("user_1")
    with pytest.raises(TooManyRuns, match="You already have 2") as refused:
        limits.admit("user_1")
    assert refused.value.retry_after == 5
    limits.admit("user_2")
    with pytest.raises(TooManyRuns, match="service has as many"):
        limits.admit("user_3")
    limits.release("user_1")
    limits.admit("user_3")

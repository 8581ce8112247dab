"""A team says at once what is wrong with it."""

from collections.abc import Iterator
from functools import partial
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


def spoken(symbol: str) -> str:
    """Say it."""
    return symbol


def many(*symbols: str) -> str:
    """Read many."""
    return symbols[0]


def open_ended(**symbols: str) -> str:
    """Read whatever there is."""
    return str(symbols)


def by_place(symbol: str, /) -> str:
    """Read one."""
    return symbol


def shared_list(symbols: list[str] = ["SPY"]) -> str:  # noqa: B006  what is refused
    """Read some."""
    return symbols[0]


def shared_dict(weights: dict[str, int] = {"SPY": 1}) -> str:  # noqa: B006  what is refused
    """Weigh."""
    return str(weights)


def shared_set(symbols: set[str] = {"SPY"}) -> str:  # noqa: B006  what is refused
    """Read some."""
    return str(symbols)


def unknown_type(symbol: "Nowhere") -> str:  # type: ignore[name-defined]  # noqa: F821  what is refused
    """Read."""
    return str(symbol)


def pieces(symbol: str) -> Iterator[str]:
    """Read piece by piece."""
    yield symbol


def measure(symbol: str) -> str:
    """Measure."""
    return symbol


measure.__name__ = "größe"


class Spoken:
    """Says it when called."""

    def __call__(self, symbol: str) -> str:
        """Say it."""
        return symbol


def fresh_list(symbols: list[str] = []) -> str:  # noqa: B006  every call has its own
    """Read some."""
    return str(symbols)


def test_a_default_that_every_call_has_for_itself_is_allowed():
    assert Agent("analyst", "", (fresh_list, Spoken().__call__)).name == "analyst"


def ask_user(question: str) -> str:
    """Ask."""
    return question


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Agent("the analyst", ""), "not an identifier"),
        (lambda: Agent("größe", ""), "ASCII"),
        (lambda: Agent("a" * 65, ""), "at most 64"),
        (lambda: Agent("analyst\n", ""), "not an identifier"),
        (lambda: Agent("user", ""), "is reserved"),
        (lambda: Agent("group_topic", ""), "is reserved"),
        (lambda: Agent("output_topic", ""), "is reserved"),
        (lambda: Agent("RoundRobinGroupChatManager", ""), "is reserved"),
        (lambda: Agent("analyst", "", tool_rounds=0), "tool_rounds of at least 1"),
        (lambda: Agent("analyst", "", (spoken, spoken)), "two tools named spoken"),
        (lambda: Agent("analyst", "", (ask_user,), may_ask=True), "two tools named ask_user"),
        (lambda: Agent("analyst", "", (act_as_anybody,)), "takes user_id: the model would choose the caller"),
        (lambda: Agent("analyst", "", (lambda symbol: symbol,)), "takes symbol without an annotation"),
        (lambda: Agent("analyst", "", (silent,)), "has no docstring"),
        (lambda: Agent("analyst", "", (many,)), r"takes \*symbols: str.*name each"),
        (lambda: Agent("analyst", "", (open_ended,)), r"takes \*\*symbols: str.*name each"),
        (lambda: Agent("analyst", "", (by_place,)), "takes symbol: str.*name each"),
        (lambda: Agent("analyst", "", (partial(spoken, symbol="SPY"),)), "is a partial"),
        (lambda: Agent("analyst", "", (Spoken(),)), "is a Spoken"),
        (lambda: Agent("analyst", "", (str,)), "is a type"),
        (lambda: Agent("analyst", "", (shared_list,)), "cannot be described to a model"),
        (lambda: Agent("analyst", "", (shared_dict,)), "cannot be described to a model"),
        (lambda: Agent("analyst", "", (shared_set,)), "cannot be described to a model"),
        (lambda: Agent("analyst", "", (unknown_type,)), "Nowhere.*types of the module"),
        (lambda: Agent("analyst", "", (pieces,)), "yields"),
        (lambda: Agent("analyst", "", (measure,)), "ASCII"),
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
    with pytest.raises(TooManyRuns, match="limit of agent runs"):
        limits.admit("user_3")
    limits.release("user_1")
    limits.admit("user_3")

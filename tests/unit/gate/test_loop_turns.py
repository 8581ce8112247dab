"""The next turn of a loop is told of, in frames that run already."""

import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from runtime.gate.loop_turns import LoopTurns


class Stop(BaseException):
    """Raised where the loop turns."""


def stop(_: FrameType) -> None:
    raise Stop


@pytest.fixture
def turns() -> Iterator[LoopTurns]:
    """Raises at each turn."""
    made = LoopTurns(stop)
    yield made
    made.forget()


def begun_by(turns: LoopTurns, *, then_forget: bool = False) -> list[int]:
    """Loop three times, and ask in the second one to be told."""
    begun = []
    try:
        for number in range(3):
            begun.append(number)
            if number == 1:
                turns.watch([begun_by.__code__])
            if number == 1 and then_forget:
                turns.forget()
    except Stop:
        begun.append(-1)
    return begun


def test_a_loop_that_runs_is_stopped_before_its_next_turn(turns: LoopTurns):
    assert begun_by(turns) == [0, 1, -1]


def test_a_loop_that_is_forgotten_goes_on(turns: LoopTurns):
    assert begun_by(turns, then_forget=True) == [0, 1, 2]


def test_a_loop_in_another_thread_goes_on(turns: LoopTurns):
    begun: list[int] = []
    thread = threading.Thread(target=lambda: begun.extend(begun_by(turns)))
    thread.start()
    thread.join()
    assert begun == [0, 1, 2]


def test_two_cannot_watch_at_once_and_the_second_is_told_of_nothing(turns: LoopTurns):
    turns.watch([stop.__code__])
    assert begun_by(LoopTurns(stop)) == [0, 1, 2]

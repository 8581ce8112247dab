"""So many events in a time, and the number of those left out."""

import pytest

from shared.throttle import Throttle


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_only_the_first_events_of_a_period_are_admitted(clock):
    throttle = Throttle(2, seconds=10, clock=clock)

    assert [throttle.admit() for _ in range(4)] == [0, 0, None, None]


def test_the_next_period_admits_again_and_says_how_many_were_left_out(clock):
    throttle = Throttle(1, seconds=10, clock=clock)
    for _ in range(4):
        throttle.admit()
    clock.now += 10

    assert (throttle.admit(), throttle.admit()) == (3, None)


def test_what_was_left_out_is_counted_once(clock):
    throttle = Throttle(1, seconds=10, clock=clock)
    throttle.admit()
    throttle.admit()

    assert (throttle.take(), throttle.take()) == (1, 0)


def test_the_time_until_the_next_event_is_known(clock):
    throttle = Throttle(1, seconds=10, clock=clock)
    before = throttle.wait()
    throttle.admit()
    clock.now += 3

    assert (before, throttle.wait()) == (0, 7)


def test_a_period_without_length_admits_everything(clock):
    throttle = Throttle(1, seconds=0, clock=clock)

    assert [throttle.admit() for _ in range(3)] == [0, 0, 0]

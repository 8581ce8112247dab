"""A group of one gives way to what it holds, and leaves no trace on it."""

import pytest

from runtime.routing.calling.groups import raise_sole


def _fail(error: Exception) -> None:
    try:
        raise error
    except ExceptionGroup as group:
        raise_sole(group)


def test_sole_exception_is_raised_however_deep_it_lies():
    sole = ValueError()

    with pytest.raises(ValueError) as caught:  # noqa: PT011  # it is compared below
        _fail(ExceptionGroup("outer", [ExceptionGroup("inner", [sole])]))

    assert caught.value is sole


def test_sole_exception_keeps_what_it_came_from_and_learns_nothing_of_its_group():
    sole, origin = ValueError(), KeyError()
    sole.__context__ = origin

    with pytest.raises(ValueError) as caught:  # noqa: PT011  # likewise
        _fail(ExceptionGroup("outer", [sole]))

    assert caught.value.__context__ is origin
    assert caught.value.__cause__ is None


def test_several_exceptions_stay_together():
    several = ExceptionGroup("inner", [ValueError(), KeyError()])

    with pytest.raises(ExceptionGroup) as caught:
        _fail(ExceptionGroup("outer", [several]))

    assert caught.value is several

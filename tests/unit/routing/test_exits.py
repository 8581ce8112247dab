"""A contained coroutine is the coroutine, but for the exits."""

import asyncio
import inspect

import pytest

from runtime.routing.calling.exits import Contained


async def _reading() -> str:
    await asyncio.sleep(0)
    return "risk-on"


async def _exit() -> None:
    await asyncio.sleep(0)
    raise SystemExit(3)


async def test_contained_coroutine_returns_what_it_returns_as_a_task_and_when_awaited() -> None:
    assert await asyncio.Task(Contained(_reading())) == "risk-on"
    assert await Contained(_reading()) == "risk-on"


async def test_exit_becomes_an_error_with_the_exit_as_its_cause() -> None:
    with pytest.raises(RuntimeError, match="raised SystemExit") as caught:
        await asyncio.Task(Contained(_exit()))

    assert isinstance(caught.value.__cause__, SystemExit)


async def test_task_cancelled_before_its_first_step_leaves_nothing_unawaited() -> None:
    inner = _reading()
    task = asyncio.Task(Contained(inner))
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    assert inspect.getcoroutinestate(inner) == inspect.CORO_CLOSED

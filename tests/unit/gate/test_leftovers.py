"""Tasks that functions leave behind end with the call."""

import asyncio
import contextlib
from contextvars import Context
from typing import Any

import pytest

from runtime.asgi.invocation import Invocation, current
from runtime.gate.leftovers import Reaper, task_factory
from tests.fixtures.gate import Serve, endpoint, route


def invocation() -> Invocation:
    """Return one whose function is running."""
    made = Invocation(request_id="r", client="", method="GET", started=0)
    made.tasks = set()
    return made


async def test_task_left_behind_is_cancelled_when_the_call_is_over(serve: Serve):
    left: list[asyncio.Task[Any]] = []

    @route()
    async def signals() -> None:
        left.append(asyncio.create_task(asyncio.Event().wait()))

    service = await serve(signals)
    service.gate.reaper._grace = 0.01
    await service.http.get("/signals")
    await service.gate.reaper.idle()

    assert left[0].cancelled()


async def test_task_that_soon_ends_by_itself_is_left_to_do_so(serve: Serve):
    left: list[asyncio.Task[str]] = []
    answered = asyncio.Event()

    async def give_back() -> str:
        await answered.wait()
        return "given back"

    @route()
    async def signals() -> None:
        left.append(asyncio.create_task(give_back()))

    service = await serve(signals)
    await service.http.get("/signals")
    answered.set()
    await service.gate.reaper.idle()

    assert left[0].result() == "given back"


async def test_thousand_cancelled_calls_leak_no_task(serve: Serve):
    async def worker() -> None:
        inner = asyncio.create_task(asyncio.Event().wait())
        await inner

    @route(timeout=0.01)
    async def signals() -> None:
        asyncio.create_task(worker())  # noqa: RUF006  # forgotten on purpose
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.Event().wait())

    service = await serve(signals)
    service.gate.reaper._grace = 0
    before = asyncio.all_tasks()

    async def call() -> int:
        return (await service.http.get("/signals")).status_code

    statuses = []
    for _ in range(20):
        statuses += await asyncio.gather(*(call() for _ in range(50)))
    await service.gate.reaper.idle()
    await asyncio.sleep(0)  # uvicorn's own tasks end a turn after their answer

    assert set(statuses) == {504}
    assert len(statuses) == 1000
    assert asyncio.all_tasks() == before


async def test_reaper_does_nothing_for_a_call_that_left_nothing():
    async with Reaper() as reaper:
        call = invocation()
        reaper.release(call)

        assert not reaper.busy
        assert call.tasks is None


async def test_task_of_a_clean_context_belongs_to_no_call():
    async with Reaper():
        call = invocation()
        current.set(call)
        pool = asyncio.get_running_loop().create_task(asyncio.Event().wait(), context=Context())
        own = asyncio.create_task(asyncio.Event().wait())

        assert call.tasks == {own}
        for task in (pool, own):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        assert call.tasks == set()


async def test_stuck_task_is_logged_with_its_name_and_function(caplog: pytest.LogCaptureFixture):
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await release.wait()

    async with Reaper(grace=0, stuck_after=0.01) as reaper:
        call = invocation()
        call.endpoint = endpoint()
        current.set(call)
        task = asyncio.create_task(stubborn(), name="feed of SPY")
        await asyncio.sleep(0)
        reaper.release(call)
        await reaper.idle()
        release.set()
        await task

    record = caplog.records[-1]
    assert record.getMessage() == "tasks still run after their cancellation"
    assert (record.function, record.tasks) == ("signals.py", ["feed of SPY"])  # type: ignore[attr-defined]  # from extra


async def test_failure_of_a_left_over_task_is_logged_and_not_lost(caplog: pytest.LogCaptureFixture):
    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError

    async with Reaper() as reaper:
        call = invocation()
        current.set(call)
        asyncio.create_task(fail())  # noqa: RUF006  # left behind on purpose
        reaper.release(call)
        await reaper.idle()

    assert "a task that outlived its call failed" in caplog.messages


async def test_loop_has_its_own_factory_back_afterwards():
    loop = asyncio.get_running_loop()
    async with Reaper():
        assert loop.get_task_factory() is task_factory
    assert loop.get_task_factory() is None

"""A run that is ended stops: no further model call, no task left, one last word where somebody reads."""

import asyncio
import contextlib
import gc
import threading
from collections.abc import Awaitable, Callable

import psutil
import pytest

from shared.agents import (
    Agent,
    AgentEvent,
    AgentMessage,
    Agents,
    Budget,
    MessageDelta,
    RunDone,
    RunFailed,
    RunStarted,
    RunStream,
    Team,
    ToolCall,
)
from tests.fixtures.agents import PATIENCE, AgentsMaker, ModelServer, ask, caller, calls, says

MOMENTS = [
    "before the first word",
    "in mid answer",
    "async tool",
    "sync tool",
    "stubborn tool",
    "between turns",
]
CAUSES = ["reader leaves", "request is cancelled", "deadline", "delete", "shutdown"]


class Scene:
    """A team of two, held at one moment of its run."""

    def __init__(self, moment: str, server: ModelServer) -> None:
        self.moment = moment
        self.server = server
        self.in_tool = asyncio.Event()
        self.release_thread = threading.Event()
        self.completed: list[str] = []
        self._loop = asyncio.get_running_loop()
        first = {
            "before the first word": says("risk-on", hold_after=0),
            "in mid answer": says("SPY leads TLT by a wide margin", hold_after=2),
            "async tool": calls("read_async", symbol="SPY/TLT"),
            "sync tool": calls("read_sync", symbol="SPY/TLT"),
            "stubborn tool": calls("read_stubbornly", symbol="SPY/TLT"),
            "between turns": says("SPY leads."),
        }[moment]
        server.script(first, says("Go on."))

    @property
    def team(self) -> Team:
        tools = (self.read_async, self.read_sync, self.read_stubbornly)
        return Team("regime", (Agent("analyst", "Read.", tools), Agent("critic", "Doubt.")), max_turns=20)

    async def read_async(self, symbol: str) -> str:
        """Read slowly."""
        self.in_tool.set()
        await asyncio.Event().wait()
        self.completed.append(symbol)
        return "never"

    def read_sync(self, symbol: str) -> str:
        """Read in a thread."""
        self._loop.call_soon_threadsafe(self.in_tool.set)
        self.release_thread.wait(PATIENCE)
        return symbol

    async def read_stubbornly(self, symbol: str) -> str:
        """Swallow the first cancellation."""
        self.in_tool.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()
        self.completed.append(symbol)
        return "never"

    async def reach(self, events: RunStream) -> list[AgentEvent]:
        """Read until the team is held at its moment."""
        moments: dict[str, type[AgentEvent]] = {
            "before the first word": RunStarted,
            "in mid answer": MessageDelta,
            "between turns": AgentMessage,
        }
        last = moments.get(self.moment, ToolCall)
        seen = []
        async for event in events:
            seen.append(event)
            if type(event) is last:
                break
        if last is ToolCall:
            async with asyncio.timeout(PATIENCE):
                await self.in_tool.wait()
        elif self.moment != "between turns":
            await self.server.held()
        return seen


async def _leave(agents: Agents, events: RunStream) -> list[AgentEvent]:
    await events.aclose()
    return []


async def _cancel(agents: Agents, events: RunStream) -> list[AgentEvent]:
    async def read() -> None:
        try:
            async for _ in events:
                pass
        finally:
            await events.aclose()

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    return []


async def _rest(agents: Agents, events: RunStream) -> list[AgentEvent]:
    return [event async for event in events]


async def _delete(agents: Agents, events: RunStream) -> list[AgentEvent]:
    run_id = next(iter(agents._running))
    await agents.stop(run_id, user=caller())
    return await _rest(agents, events)


async def _shut_down(agents: Agents, events: RunStream) -> list[AgentEvent]:
    await agents.__aexit__(None, None, None)
    return await _rest(agents, events)


END: dict[str, Callable[[Agents, RunStream], Awaitable[list[AgentEvent]]]] = {
    "reader leaves": _leave,
    "request is cancelled": _cancel,
    "deadline": _rest,
    "delete": _delete,
    "shutdown": _shut_down,
}


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_run_that_is_ended_leaves_nothing_behind(
    moment: str, cause: str, make_agents: AgentsMaker, model_server: ModelServer
):
    scene = Scene(moment, model_server)
    async with make_agents() as agents:
        await agents._framework.load()
        before = asyncio.all_tasks()
        budget = Budget(seconds=0.3 if cause == "deadline" else 60)
        events = await agents.run(scene.team, ask(), user=caller(), budget=budget)
        seen = await scene.reach(events)
        calls_made = len(model_server.requests)

        last_words = await END[cause](agents, events)

        if not (cause == "deadline" and moment == "between turns"):
            assert len(model_server.requests) - calls_made <= (moment == "between turns")
        assert asyncio.all_tasks() == before
        assert agents._running == {}
        assert scene.completed == []
        terminal = [event for event in [*seen, *last_words] if isinstance(event, RunDone | RunFailed)]
        assert [_name(event) for event in terminal] == {
            "deadline": ["deadline_exceeded"],
            "delete": ["cancelled"],
            "shutdown": ["unavailable"],
        }.get(cause, [])
    scene.release_thread.set()


def _name(event: RunDone | RunFailed) -> str:
    return event.code if isinstance(event, RunFailed) else event.stop_reason


@pytest.mark.parametrize("read", range(2, 6))
async def test_the_provider_sees_its_connection_closed_wherever_the_reader_leaves(
    read: int, agents: Agents, model_server: ModelServer
):
    model_server.script(says("SPY leads TLT by a wide margin", hold_after=4), says("Go on."))
    events = await agents.run(Team("one", (Agent("analyst", ""),)), ask(), user=caller())
    for _ in range(read):
        await anext(events)
    await events.aclose()
    await model_server.client_left()


async def test_a_stream_that_nobody_ever_read_gives_its_place_back(
    make_agents: AgentsMaker, model_server: ModelServer
):
    async with make_agents(per_user=1) as agents:
        for _ in range(3):
            await (await agents.run(Team("one", (Agent("analyst", ""),)), ask(), user=caller())).aclose()
        assert agents._running == {}


async def test_a_stream_that_was_lost_ends_its_run(agents: Agents, model_server: ModelServer):
    scene = Scene("in mid answer", model_server)
    await agents._framework.load()
    before = asyncio.all_tasks()
    events = await agents.run(scene.team, ask(), user=caller())
    run = next(iter(agents._running.values()))
    del events
    gc.collect()
    await asyncio.sleep(0)
    await run.close()
    assert agents._running == {}
    assert asyncio.all_tasks() == before


async def test_two_hundred_cancelled_runs_leave_memory_and_tasks_as_they_were(
    agents: Agents, model_server: ModelServer
):
    async def one(number: int) -> None:
        scene = Scene(MOMENTS[number % 3], model_server)
        model_server.holding.clear()
        model_server.requests.clear()
        events = await agents.run(scene.team, ask(), user=caller())
        await scene.reach(events)
        await events.aclose()

    for number in range(30):
        await one(number)
    tasks, threads, objects = asyncio.all_tasks(), threading.active_count(), _objects()
    for number in range(200):
        await one(number)
    assert asyncio.all_tasks() == tasks
    assert _objects() - objects < 2000  # fewer than ten per run would be a leak of one small object each
    assert len(psutil.Process().net_connections("tcp")) < 40
    assert threading.active_count() <= threads + 8


def _objects() -> int:
    gc.collect()
    return len(gc.get_objects())

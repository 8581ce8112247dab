"""A run has its share of threads and tool calls, and takes none of another's."""

import asyncio
import threading

from shared.agents import Agent, Agents, RunDone, Team, ToolResult
from tests.fixtures.agents import PATIENCE, ModelServer, Reply, ask, caller, says

MANY = 200


def script_by_user(server: ModelServer, greedy: str) -> None:
    """Have the one called `greedy` make many calls at once, and everybody else one."""

    def choose(request: dict[str, list[dict[str, str]]]) -> Reply:
        messages = request["messages"]
        if any(message["role"] == "tool" for message in messages):
            return says("Done.")
        return Reply(calls=(("work", {}),) * (MANY if greedy in messages[-1]["content"] else 1))

    server.choose = choose


async def results(agents: Agents, tool: object, question: str, number: int) -> list[str]:
    team = Team("t", (Agent("a", "Work.", (tool,)),))  # type: ignore[arg-type]  # a function
    events = [event async for event in await agents.run(team, ask(question), user=caller(number))]
    assert isinstance(events[-1], RunDone)
    return [event.text for event in events if isinstance(event, ToolResult)]


async def test_blocking_calls_of_one_run_do_not_hold_up_another(agents: Agents, model_server: ModelServer):
    release, begun = threading.Event(), threading.Event()

    def work() -> str:
        """Block until the other has been served."""
        begun.set()
        return "released" if release.wait(PATIENCE) else "starved"

    def quick() -> str:
        """Block for a moment."""
        return "served"

    quick.__name__ = "work"
    script_by_user(model_server, "greedy")
    greedy = asyncio.create_task(results(agents, work, "greedy", 1))
    assert await asyncio.to_thread(begun.wait, PATIENCE)
    async with asyncio.timeout(PATIENCE):
        assert await results(agents, quick, "modest", 2) == ["served"]
    release.set()
    assert await greedy == ["released"] * MANY


async def test_a_run_has_four_tool_calls_at_once(agents: Agents, model_server: ModelServer):
    under_way: set[object] = set()
    most = 0

    async def work() -> str:
        """Work beside others."""
        nonlocal most
        me = object()
        under_way.add(me)
        most = max(most, len(under_way))
        for _ in range(10):
            await asyncio.sleep(0)
        under_way.remove(me)
        return "done"

    script_by_user(model_server, "greedy")
    assert await results(agents, work, "greedy", 1) == ["done"] * MANY
    assert most == 4


async def test_calls_that_wait_for_their_turn_end_with_the_run(agents: Agents, model_server: ModelServer):
    begun, count = asyncio.Event(), 0

    async def work() -> str:
        """Wait for ever."""
        nonlocal count
        count += 1
        begun.set()
        await asyncio.Event().wait()
        return "never"

    script_by_user(model_server, "greedy")
    running = asyncio.create_task(results(agents, work, "greedy", 1))
    await begun.wait()
    await agents.stop(next(iter(agents._running)), user=caller(1))
    await running
    assert count <= 4
    assert agents._running == {}

"""A run that a job plays survives its worker: another goes on from the last finished turn, in one story."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.agents import (
    Agent,
    AgentMessage,
    Agents,
    CustomEvent,
    MessageDelta,
    RunDone,
    RunFailed,
    RunStarted,
    RunStore,
    Team,
    ToolCall,
    ToolResult,
)
from shared.agents.autogen import Parts
from shared.agents.holder import Holder
from shared.errors import Unavailable
from shared.secret import Secret
from shared.work import Run
from tests.fixtures.agents import AgentsMaker, ModelServer, ask, caller, calls, eventually, says
from tests.fixtures.valkey import RedisServer
from tests.integration.agents.test_built_teams import (
    KINDS,
    agents_as_tools,
    magentic,
    single,
    society,
    speaker,
)


class Page:
    """Where a queued run is written down, of the test's own."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def progress(self, done: float) -> None: ...

    async def sleep(self, name: str, seconds: float) -> None: ...

    async def steps(self) -> dict[str, bytes]:
        return self.kept

    async def keep(self, name: str, result: bytes) -> None:
        self.kept[name] = result


@pytest.fixture
async def workers(
    make_agents: AgentsMaker, redis_server: RedisServer
) -> AsyncIterator[tuple[Agents, Agents]]:
    def store() -> RunStore:
        return RunStore.from_url(Secret(redis_server.url))

    async with make_agents(store=store()) as first, make_agents(store=store()) as second:
        yield first, second


def members(parts: Parts) -> list[Any]:
    return [speaker(parts, "analyst"), speaker(parts, "critic")]


def ending() -> Any:
    from autogen_agentchat.conditions import MaxMessageTermination, TextMentionTermination

    return TextMentionTermination("AGREED") | MaxMessageTermination(4)


def round_robin(parts: Parts) -> Any:
    from autogen_agentchat.teams import RoundRobinGroupChat

    return RoundRobinGroupChat(members(parts), termination_condition=parts.turns(ending()))


def selector(parts: Parts) -> Any:
    from autogen_agentchat.teams import SelectorGroupChat

    return SelectorGroupChat(
        members(parts),
        parts.model(),
        termination_condition=parts.turns(ending()),
        selector_func=lambda thread: "critic" if thread[-1].source == "analyst" else "analyst",
    )


def swarm(parts: Parts) -> Any:
    from autogen_agentchat.teams import Swarm

    team = [speaker(parts, "analyst", handoffs=["critic"]), speaker(parts, "critic")]
    return Swarm(team, termination_condition=parts.turns(ending()))


def graph(parts: Parts) -> Any:
    from autogen_agentchat.teams import DiGraphBuilder, GraphFlow

    team = members(parts)
    builder = DiGraphBuilder()
    builder.add_node(team[0]).add_node(team[1]).add_edge(team[0], team[1])
    return GraphFlow(team, builder.build(), termination_condition=parts.turns(ending()))


def nested(parts: Parts) -> Any:
    from autogen_agentchat.teams import RoundRobinGroupChat

    inner = RoundRobinGroupChat([speaker(parts, "analyst")], max_turns=1, name="inner")
    end = parts.turns(ending())
    return RoundRobinGroupChat([inner, speaker(parts, "critic")], termination_condition=end)


SHORT = Team("regime", (Agent("analyst", "Read."), Agent("critic", "Doubt.")), until="AGREED", max_turns=4)


async def heard(agents: Agents, run_id: str = "run_1") -> list[Any]:
    """Read a run as its reader does, from its beginning."""
    return [event async for event in await agents.follow(run_id, ask(), user=caller())]


async def die(working: asyncio.Task[None]) -> None:
    """End a worker in the middle: it tells nothing more."""
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


def texts(events: list[Any]) -> list[tuple[str, str]]:
    return [(each.agent, each.text) for each in events if isinstance(each, AgentMessage)]


@pytest.mark.parametrize(
    "team", [SHORT, round_robin, selector, swarm, graph, nested], ids=lambda each: str(each)[:12]
)
async def test_another_worker_goes_on_from_the_last_finished_turn(
    team: Any, workers: tuple[Agents, Agents], model_server: ModelServer
):
    first, second = workers
    page = Page()
    opening = calls("transfer_to_critic") if team is swarm else says("Up.")
    model_server.script(opening, says("I doubt it.", hold_after=2))
    reading = asyncio.create_task(heard(second))
    working = asyncio.create_task(first.work(team, ask(), Run("run_1", 1, page), user=caller()))
    await model_server.held()
    await eventually(lambda: b"heard" in page.kept.get("", b""))
    await die(working)
    model_server.script(says("AGREED"))
    asked = len(model_server.requests)
    await second.work(team, ask(), Run("run_1", 2, page), user=caller())
    events = await reading
    assert events == await heard(first)
    assert [type(each) for each in events if isinstance(each, RunStarted | RunDone | RunFailed)] == [
        RunStarted,
        RunDone,
    ]
    assert [each.name for each in events if isinstance(each, CustomEvent) and not each.agent] == ["taken_up"]
    assert texts(events)[-1] == ("critic", "AGREED ")
    assert [each for each in texts(events) if each[0] == "analyst"] == (
        [] if team is swarm else [("analyst", "Up. ")]
    )
    assert len(model_server.requests) == asked + 1
    begun = {each.message_id for each in events if isinstance(each, MessageDelta)}
    assert begun == {
        each.message_id for each in events if isinstance(each, AgentMessage) and each.message_id in begun
    }
    assert events[-1].usage.total == 30


async def test_what_ends_a_team_counts_the_turns_of_the_worker_before(
    workers: tuple[Agents, Agents], model_server: ModelServer
):
    first, second = workers
    page = Page()
    model_server.script(says("One."), says("Two more.", hold_after=1))
    working = asyncio.create_task(first.work(round_robin, ask(), Run("run_1", 1, page), user=caller()))
    await model_server.held()
    await eventually(lambda: b"heard" in page.kept.get("", b""))
    await die(working)
    model_server.script(says("More."))
    await second.work(round_robin, ask(), Run("run_1", 2, page), user=caller())
    events = await heard(second)
    told = [text for _, text in texts(events) if text and text != "Two "]  # it may have died before that left
    assert told == ["One. ", "More. ", "More. "]
    assert events[-1].stop_reason == "turn_limit"


@pytest.mark.parametrize("build", [society, magentic, agents_as_tools, single])
async def test_a_kind_that_cannot_be_kept_is_told_lost_once_something_was_heard(
    build: Any, workers: tuple[Agents, Agents], model_server: ModelServer
):
    first, second = workers
    page = Page()
    replies, _ = KINDS[build]
    model_server.script(*replies[:-1], says("never to be heard", hold_after=1))
    working = asyncio.create_task(first.work(build, ask(), Run("run_1", 1, page), user=caller()))
    await model_server.held()
    told = await first._detached.require()._redis.xlen("annex:run:user_1:run_1")
    await eventually(lambda: told)
    await die(working)
    asked = len(model_server.requests)
    await second.work(build, ask(), Run("run_1", 2, page), user=caller())
    events = await heard(second)
    assert isinstance(events[-1], RunFailed)
    assert (events[-1].code, events[-1].retryable) == ("run_lost", True)
    assert len(model_server.requests) == asked


async def test_a_run_of_which_nothing_was_heard_begins_again(
    workers: tuple[Agents, Agents], model_server: ModelServer
):
    first, second = workers
    page = Page()
    model_server.script(says("Up.", hold_after=0))
    working = asyncio.create_task(first.work(single, ask(), Run("run_1", 1, page), user=caller()))
    await model_server.held()
    await die(working)
    model_server.script(says("Up."))
    await second.work(single, ask(), Run("run_1", 2, page), user=caller())
    events = await heard(second)
    assert (texts(events), events[-1].stop_reason) == ([("analyst", "Up. ")], "completed")


async def test_a_tool_call_that_was_cut_off_has_a_result(
    workers: tuple[Agents, Agents], model_server: ModelServer
):
    first, second = workers
    page = Page()
    held = asyncio.Event()

    async def slow() -> str:
        """Take long."""
        held.set()
        await asyncio.sleep(60)
        return "done"

    team = Team("pair", (Agent("analyst", "Read."), Agent("critic", "Doubt.", (slow,))), max_turns=2)
    model_server.script(says("Up."), calls("slow"))
    working = asyncio.create_task(first.work(team, ask(), Run("run_1", 1, page), user=caller()))
    await held.wait()
    await eventually(lambda: b"heard" in page.kept.get("", b""))
    store = first._detached.require()
    following = store.follow(Holder.of(caller()), "run_1")
    async for event in following:
        if isinstance(event, ToolCall):
            break
    await following.aclose()
    await die(working)
    model_server.script(says("No."))
    await second.work(team, ask(), Run("run_1", 2, page), user=caller())
    results = [each for each in await heard(second) if isinstance(each, ToolResult)]
    assert [(each.tool, each.text, each.failed) for each in results] == [("slow", "interrupted", True)]


async def test_a_run_that_has_ended_is_not_played_again(
    workers: tuple[Agents, Agents], model_server: ModelServer
):
    first, second = workers
    page = Page()
    model_server.script(says("AGREED"))
    await first.work(SHORT, ask(), Run("run_1", 1, page), user=caller())
    await second.work(SHORT, ask(), Run("run_1", 2, page), user=caller())
    assert len(model_server.requests) == 1
    assert texts(await heard(second)) == [("analyst", "AGREED ")]


async def test_a_run_is_ended_while_it_waits_for_a_worker(
    workers: tuple[Agents, Agents], model_server: ModelServer
):
    first, second = workers
    stream = await first.follow("run_1", ask(), user=caller())
    await first.stop("run_1", user=caller())
    await second.work(SHORT, ask(), Run("run_1", 1, Page()), user=caller())
    events: list[Any] = [event async for event in stream]
    assert events[-1].stop_reason == "cancelled"
    assert model_server.requests == []


async def test_a_question_is_answered_once_although_its_worker_died(
    workers: tuple[Agents, Agents], model_server: ModelServer
):
    first, second = workers
    team = Team("desk", (Agent("analyst", "Read.", may_ask=True),))
    model_server.script(calls("ask_user", question="How many?"))
    await first.work(team, ask(), Run("run_0", 1, Page()), user=caller())
    continuation = (await heard(first, "run_0"))[-2].continuation
    page, answer = Page(), ask("Six.", continuation=continuation)
    model_server.script(says("Six.", hold_after=0))
    working = asyncio.create_task(first.work(team, answer, Run("run_1", 1, page), user=caller()))
    await model_server.held()
    await die(working)
    model_server.script(says("Six then."))
    await second.work(team, answer, Run("run_1", 2, page), user=caller())
    assert texts(await heard(second)) == [("analyst", "Six then. ")]
    await second.work(team, answer, Run("run_2", 1, Page()), user=caller())
    assert (await heard(second, "run_2"))[-1].code == "conflict"


async def test_a_worker_that_was_only_slow_is_refused_once_another_tells_the_story(
    workers: tuple[Agents, Agents], model_server: ModelServer
):
    first, second = workers
    page = Page()
    model_server.script(says("Up."), says("I doubt it.", hold_after=1))
    slow = asyncio.create_task(first.work(SHORT, ask(), Run("run_1", 1, page), user=caller()))
    await model_server.held()
    await eventually(lambda: b"heard" in page.kept.get("", b""))
    store = second._detached.require()
    told = await store.told(Holder.of(caller()), "run_1")
    await store.append(Holder.of(caller()), "run_1", len(told) + 1, CustomEvent(name="taken_up", agent=""))
    model_server.released.set()
    with pytest.raises(Unavailable):
        await slow

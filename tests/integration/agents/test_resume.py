"""A detached run goes on without its reader, and is found again on any replica, by its owner alone."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from shared.agents import (
    Agent,
    AgentEvent,
    AgentMessage,
    Agents,
    MessageDelta,
    RunDone,
    RunFailed,
    RunStarted,
    RunStore,
    Team,
    event_number,
)
from shared.errors import Conflict, Invalid, NotFound, Unavailable
from shared.secret import Secret
from tests.fixtures.agents import PATIENCE, AgentsMaker, ModelServer, ask, caller, calls, eventually, says
from tests.fixtures.valkey import RedisServer

TEAM = Team("regime", (Agent("analyst", "Read."), Agent("critic", "Doubt.")), until="AGREED", max_turns=4)


def open_store(server: RedisServer) -> RunStore:
    return RunStore.from_url(Secret(server.url))


@pytest.fixture
async def here(make_agents: AgentsMaker, redis_server: RedisServer) -> AsyncIterator[Agents]:
    async with make_agents(store=open_store(redis_server)) as agents:
        yield agents


@pytest.fixture
async def there(make_agents: AgentsMaker, redis_server: RedisServer) -> AsyncIterator[Agents]:
    """Another replica."""
    async with make_agents(store=open_store(redis_server)) as agents:
        yield agents


async def start_and_leave(agents: Agents, server: ModelServer) -> tuple[str, list[AgentEvent]]:
    """Start a detached run, read until a first word came, and leave while the model is held."""
    server.script(says("SPY leads TLT", hold_after=1), says("AGREED"))
    stream = await agents.run(TEAM, ask(), user=caller(), detach=True)
    seen = []
    async for event in stream:
        seen.append(event)
        if isinstance(event, MessageDelta):
            break
    await stream.aclose()
    await server.held()
    started = seen[0]
    assert isinstance(started, RunStarted)
    return started.run_id, seen


async def test_what_was_missed_is_replayed_and_what_comes_is_followed_on_another_replica(
    here: Agents, there: Agents, model_server: ModelServer
):
    run_id, seen = await start_and_leave(here, model_server)
    stream = await there.resume(run_id, user=caller(), after=len(seen))
    assert stream.first_id == len(seen) + 1
    following = asyncio.create_task(anext(stream))
    model_server.released.set()
    rest = [await following, *[event async for event in stream]]
    assert isinstance(rest[-1], RunDone)
    whole = [event async for event in await there.resume(run_id, user=caller())]
    assert whole == [*seen, *rest]
    texts = [event.text for event in whole if isinstance(event, AgentMessage)]
    assert texts == ["SPY leads TLT ", "AGREED "]


@pytest.mark.parametrize("beyond", [0, 1, 1_000, 10**30])
async def test_a_run_that_was_read_to_its_end_tells_its_end_again(
    beyond: int, here: Agents, there: Agents, model_server: ModelServer
):
    model_server.script(says("AGREED"))
    events = [event async for event in await here.run(TEAM, ask(), user=caller(), detach=True)]
    stream = await there.resume(events_run(events), user=caller(), after=len(events) + beyond)
    assert stream.first_id == len(events)
    assert [event async for event in stream] == events[-1:]


async def test_a_number_that_a_running_run_has_not_reached_misses_nothing(
    here: Agents, model_server: ModelServer
):
    run_id, _ = await start_and_leave(here, model_server)
    stream = await here.resume(run_id, user=caller(), after=10**30)
    model_server.released.set()
    rest = [event async for event in stream]
    assert [event.text for event in rest if isinstance(event, AgentMessage)] == ["SPY leads TLT ", "AGREED "]


def events_run(events: list[AgentEvent]) -> str:
    assert isinstance(events[0], RunStarted)
    return events[0].run_id


async def test_nobody_else_finds_the_run(here: Agents, there: Agents, model_server: ModelServer):
    run_id, _ = await start_and_leave(here, model_server)
    for agents in (here, there):
        with pytest.raises(NotFound):
            await agents.resume(run_id, user=caller(2))
        with pytest.raises(NotFound):
            await agents.stop(run_id, user=caller(2))
    await here.stop(run_id, user=caller())


async def test_a_run_is_ended_from_another_replica(here: Agents, there: Agents, model_server: ModelServer):
    run_id, _ = await start_and_leave(here, model_server)
    await there.stop(run_id, user=caller())
    events = [event async for event in await there.resume(run_id, user=caller())]
    assert isinstance(events[-1], RunDone)
    assert events[-1].stop_reason == "cancelled"
    await eventually(lambda: not here._running)
    assert len(model_server.requests) == 1


async def test_shutdown_is_the_last_word_of_a_detached_run(
    make_agents: AgentsMaker, there: Agents, redis_server: RedisServer, model_server: ModelServer
):
    before = asyncio.all_tasks()
    async with make_agents(store=open_store(redis_server)) as leaving:
        run_id, _ = await start_and_leave(leaving, model_server)
    assert asyncio.all_tasks() - before == set()
    events = [event async for event in await there.resume(run_id, user=caller())]
    assert isinstance(events[-1], RunFailed)
    assert "shutting down" in events[-1].detail


async def test_a_run_whose_replica_died_is_told_lost(make_agents: AgentsMaker, redis_server: RedisServer):
    store = RunStore.from_url(Secret(redis_server.url), alive=0.3)
    await store._redis.xadd(
        "annex:run:user_1:run_lost", {"event": b'{"type":"run_started","runId":"run_lost"}'}, id="1-0"
    )
    async with make_agents(store=store) as agents:
        events = [event async for event in await agents.resume("run_lost", user=caller())]
    assert [type(event) for event in events] == [RunStarted, RunFailed]
    assert isinstance(events[-1], RunFailed)
    assert (events[-1].code, events[-1].retryable) == ("run_lost", True)


async def test_a_continuation_is_good_once_for_all_replicas(
    here: Agents, there: Agents, model_server: ModelServer
):
    team = Team("regime", (Agent("analyst", "Read.", may_ask=True),))
    model_server.script(calls("ask_user", question="Which horizon?"), says("Fine."))
    events = [event async for event in await here.run(team, ask(), user=caller())]
    continuation = getattr(events[-2], "continuation")  # noqa: B009  # an InputRequired
    answer = ask("A quarter.", continuation=continuation)
    assert isinstance([event async for event in await there.run(team, answer, user=caller())][-1], RunDone)
    with pytest.raises(Conflict):
        await here.run(team, answer, user=caller())


async def test_a_store_that_goes_away_ends_its_runs_and_says_so(
    here: Agents, redis_server: RedisServer, model_server: ModelServer
):
    run_id, _ = await start_and_leave(here, model_server)
    redis_server.stop()
    model_server.released.set()
    await eventually(lambda: not here._running)
    with pytest.raises(Unavailable, match="store of agent runs"):
        await here.resume(run_id, user=caller())


FAILURES = [pytest.param(RedisServer.stop, id="dead"), pytest.param(RedisServer.hang, id="hanging")]


@pytest.mark.parametrize("fail", FAILURES)
async def test_a_store_that_does_not_answer_refuses_a_detached_run_before_its_stream_begins(
    fail: Callable[[RedisServer], None], here: Agents, redis_server: RedisServer, model_server: ModelServer
):
    model_server.script(says("AGREED"))
    fail(redis_server)
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(Unavailable, match="store of agent runs"):
            await here.run(TEAM, ask(), user=caller(), detach=True)
    await eventually(lambda: not here._running)


@pytest.mark.parametrize("fail", FAILURES)
async def test_a_store_that_does_not_answer_is_unavailable_to_whoever_asks_it(
    fail: Callable[[RedisServer], None], here: Agents, redis_server: RedisServer, model_server: ModelServer
):
    run_id, _ = await start_and_leave(here, model_server)
    following = await here.resume(run_id, user=caller(), after=10**6)
    fail(redis_server)
    asked = (here.resume(run_id, user=caller()), here.stop("run_x", user=caller()), anext(following))
    async with asyncio.timeout(PATIENCE):
        refused = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(error) for error in refused] == [Unavailable] * 3
    assert all("store of agent runs" in str(error) for error in refused)
    model_server.released.set()
    await eventually(lambda: not here._running)


@pytest.mark.parametrize(
    "number",
    ["9" * 4_400, "9" * 16, "-1", "1.5", "abc", "0x1", "1 2", "٣", "²"],
)
def test_a_last_event_id_that_is_no_number_of_ours_is_refused(number: str):
    with pytest.raises(Invalid) as refused:
        event_number(number)
    assert [error.field for error in refused.value.errors] == ["Last-Event-ID"]


@pytest.mark.parametrize(("number", "after"), [(None, 0), ("", 0), ("0", 0), ("17", 17), ("007", 7)])
def test_a_last_event_id_is_the_number_of_the_event_seen_last(number: str | None, after: int):
    assert event_number(number) == after


async def test_two_hundred_readers_that_come_and_go_hold_no_connection(
    here: Agents, redis_server: RedisServer, model_server: ModelServer
):
    run_id, _ = await start_and_leave(here, model_server)
    assert here._detached._store is not None
    for _ in range(200):
        stream = await here.resume(run_id, user=caller())
        await anext(stream)
        await stream.aclose()
    clients = await here._detached._store._redis.client_list()
    assert len(clients) < 12
    await here.stop(run_id, user=caller())


async def test_more_readers_than_connections_are_refused_and_do_not_hold_up_the_run(
    make_agents: AgentsMaker, redis_server: RedisServer, model_server: ModelServer
):
    store = RunStore.from_url(Secret(redis_server.url), max_readers=1)
    async with make_agents(store=store) as agents:
        run_id, seen = await start_and_leave(agents, model_server)
        waiting = await agents.resume(run_id, user=caller(), after=len(seen))
        first = asyncio.create_task(anext(waiting))
        await eventually(lambda: store._readers.connection_pool._in_use_connections)
        with pytest.raises(Unavailable):
            await anext(await agents.resume(run_id, user=caller()))
        model_server.released.set()
        rest = [await first, *[event async for event in waiting]]
    assert isinstance(rest[-1], RunDone)

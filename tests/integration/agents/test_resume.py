"""A detached run goes on without its reader, and is found again on any replica, by its owner alone."""

import asyncio
from collections.abc import AsyncIterator

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
)
from shared.errors import Conflict, NotFound, Unavailable
from shared.secret import Secret
from tests.fixtures.agents import AgentsMaker, ModelServer, ask, caller, calls, eventually, says
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


async def test_two_hundred_readers_that_come_and_go_hold_no_connection(
    here: Agents, redis_server: RedisServer, model_server: ModelServer
):
    run_id, _ = await start_and_leave(here, model_server)
    assert here._store is not None
    for _ in range(200):
        stream = await here.resume(run_id, user=caller())
        await anext(stream)
        await stream.aclose()
    clients = await here._store._redis.client_list()
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

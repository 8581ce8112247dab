"""A run and its question belong to a user, in one organisation, under one function's policy."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from shared.agents import Agent, AgentEvent, Agents, InputRequired, RunDone, RunStarted, RunStore, Team
from shared.errors import Invalid, NotFound
from shared.identity import Organization, User
from shared.secret import Secret
from tests.fixtures.agents import AgentsMaker, ModelServer, ask, calls, says
from tests.fixtures.app import Caller, Compose, permitted
from tests.fixtures.valkey import RedisServer

HOME = User("user_1", organization=Organization("org_1"))
ELSEWHERE = [
    pytest.param(User("user_1"), id="without an organisation"),
    pytest.param(User("user_1", organization=Organization("org_2")), id="in another organisation"),
    pytest.param(User("user_2", organization=Organization("org_1")), id="a colleague"),
]
TEAM = Team("regime", (Agent("analyst", "Read.", may_ask=True),))


@pytest.fixture
async def agents(make_agents: AgentsMaker, redis_server: RedisServer) -> AsyncIterator[Agents]:
    async with make_agents(store=RunStore.from_url(Secret(redis_server.url))) as agents:
        yield agents


@pytest.fixture
async def replica(make_agents: AgentsMaker, redis_server: RedisServer) -> AsyncIterator[Agents]:
    async with make_agents(store=RunStore.from_url(Secret(redis_server.url))) as agents:
        yield agents


async def begin(agents: Agents, user: User, *, detach: bool = True) -> str:
    """Start a run and leave it once it is named."""
    stream = await agents.run(TEAM, ask(), user=user, detach=detach)
    started = await anext(stream)
    assert isinstance(started, RunStarted)
    if detach:
        await stream.aclose()
    return started.run_id


async def last_of(stream: AsyncIterator[AgentEvent]) -> AgentEvent:
    return [event async for event in stream][-1]


@pytest.mark.parametrize("user", ELSEWHERE)
async def test_a_detached_run_is_found_in_its_own_organisation_alone(
    user: User, agents: Agents, replica: Agents, model_server: ModelServer
):
    model_server.script(says("SPY leads", hold_after=1))
    run_id = await begin(agents, HOME)
    for each in (agents, replica):
        with pytest.raises(NotFound):
            await each.resume(run_id, user=user)
        with pytest.raises(NotFound):
            await each.stop(run_id, user=user)
    await replica.stop(run_id, user=HOME)
    assert isinstance(await last_of(await replica.resume(run_id, user=HOME)), RunDone)


async def test_a_run_begun_without_an_organisation_is_not_found_in_one(
    agents: Agents, model_server: ModelServer
):
    model_server.script(says("SPY leads TLT"))
    run_id = await begin(agents, User("user_1"))
    with pytest.raises(NotFound):
        await agents.resume(run_id, user=HOME)
    assert isinstance(await last_of(await agents.resume(run_id, user=User("user_1"))), RunDone)


@pytest.mark.parametrize("user", ELSEWHERE)
async def test_a_run_under_way_is_ended_in_its_own_organisation_alone(
    user: User, agents: Agents, model_server: ModelServer
):
    model_server.script(says("SPY leads", hold_after=1))
    stream = await agents.run(TEAM, ask(), user=HOME)
    started = await anext(stream)
    assert isinstance(started, RunStarted)
    with pytest.raises(NotFound):
        await agents.stop(started.run_id, user=user)
    await agents.stop(started.run_id, user=HOME)
    await stream.aclose()


@pytest.mark.parametrize("user", ELSEWHERE)
async def test_a_question_is_answered_in_its_own_organisation_alone(
    user: User, agents: Agents, model_server: ModelServer
):
    model_server.script(calls("ask_user", question="Which horizon?"), says("Fine."))
    events = [event async for event in await agents.run(TEAM, ask(), user=HOME)]
    asked = next(event for event in events if isinstance(event, InputRequired))
    answer = ask("A quarter.", continuation=asked.continuation)
    with pytest.raises(Invalid):
        await agents.run(TEAM, answer, user=user)
    assert isinstance(await last_of(await agents.run(TEAM, answer, user=HOME)), RunDone)


@pytest.mark.parametrize("run_id", ["org_1:run_x", "run_x:alive", "", "é", "x" * 5_000, "a b", "../x"])
async def test_a_run_id_that_spells_another_name_is_nobodys(run_id: str, agents: Agents):
    assert agents._detached._store is not None
    await agents._detached._store._redis.set("annex:run:user_1:run_x:alive", b"1")
    with pytest.raises(NotFound):
        await agents.resume(run_id, user=User("user_1"))
    with pytest.raises(NotFound):
        await agents.stop(run_id, user=User("user_1"))


FUNCTION = '''"""Discuss."""

from collections.abc import AsyncIterator

from runtime import Function, User
from shared.agents import Agent, AgentEvent, Agents, Conversation, Team

config = Function({config})


async def post(data: Conversation, agents: Agents, user: User) -> AsyncIterator[AgentEvent]:
    """Discuss."""
    team = Team("regime", (Agent("analyst", "Read.", may_ask=True),))
    return await agents.run(team, data, user=user, detach=True)
'''
RUNS = (Path(__file__).parents[3] / "functions" / "agents" / "runs" / "[run_id].py").read_text()
READER = permitted("org:signals:read")


@pytest.fixture
async def service(
    compose: Compose, tmp_path: Path, database_url: str, redis_server: RedisServer, model_server: ModelServer
) -> AsyncIterator[Caller]:
    functions = tmp_path / "functions"
    (functions / "runs").mkdir(parents=True)
    (functions / "closed.py").write_text(FUNCTION.format(config='permission="org:signals:read"'))
    (functions / "open.py").write_text(FUNCTION.format(config=""))
    (functions / "runs" / "[run_id].py").write_text(RUNS)
    environment = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_server.url,
        "OPENAI_API_KEY": "sk-canary-key",
        "OPENAI_BASE_URL": model_server.url,
    }
    async with compose(functions, **environment) as caller:
        yield caller


def frames(text: str) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param(permitted(), id="the permission was taken away"),
        pytest.param({}, id="without an organisation"),
        pytest.param({**READER, "org_id": "org_2"}, id="in another organisation"),
    ],
)
async def test_a_run_of_a_closed_function_asks_its_reader_for_the_same_permission(
    claims: dict[str, Any], service: Caller, model_server: ModelServer
):
    model_server.script(says("SPY leads TLT"))
    begun = await service.signed("POST", "/closed", json={"messages": [turn()]}, claims=READER)
    run = f"/runs/{frames(begun.text)[0]['runId']}"
    for method in ("GET", "DELETE"):
        assert (await service.signed(method, run, claims=claims)).status_code == 404
    assert frames((await service.signed("GET", run, claims=READER)).text)[-1]["type"] == "done"


async def test_a_question_of_a_closed_function_is_not_answered_without_its_permission(
    service: Caller, model_server: ModelServer
):
    model_server.script(calls("ask_user", question="Which horizon?"), says("Fine."))
    begun = await service.signed("POST", "/closed", json={"messages": [turn()]}, claims=READER)
    asked = next(event for event in frames(begun.text) if event["type"] == "input_required")
    answer = {"messages": [turn()], "continuation": asked["continuation"]}
    refused = await service.signed("POST", "/open", json=answer, claims=permitted())
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_input")
    granted = await service.signed("POST", "/closed", json=answer, claims=READER)
    assert frames(granted.text)[-1]["stopReason"] == "completed"


def turn(content: str = "Is SPY risk-on?") -> dict[str, str]:
    return {"role": "user", "content": content}

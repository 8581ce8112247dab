"""The answer to an agent's question: of any length, and worth another try until a run has succeeded."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from shared.agents import (
    Agent,
    AgentEvent,
    Agents,
    Conversation,
    InputRequired,
    RunDone,
    RunFailed,
    RunStore,
    Team,
)
from shared.errors import Conflict
from shared.secret import Secret
from tests.fixtures.agents import AgentsMaker, ModelServer, Reply, ask, caller, calls, says
from tests.fixtures.valkey import RedisServer

TEAM = Team("regime", (Agent("analyst", "Read.", may_ask=True),))


@pytest.fixture(params=["this process", "a store"])
async def agents(
    request: pytest.FixtureRequest, make_agents: AgentsMaker, redis_server: RedisServer
) -> AsyncIterator[Agents]:
    store = RunStore.from_url(Secret(redis_server.url)) if request.param == "a store" else None
    async with make_agents(store=store) as agents:
        yield agents


async def play(agents: Agents, conversation: Conversation) -> list[AgentEvent]:
    return [event async for event in await agents.run(TEAM, conversation, user=caller())]


async def question_of(agents: Agents, server: ModelServer, question: str = "Which horizon?") -> Conversation:
    """Have the agent ask, and return the answer as the app sends it."""
    server.script(calls("ask_user", question=question))
    asked = next(event for event in await play(agents, ask()) if isinstance(event, InputRequired))
    assert asked.question == question
    body = msgspec.json.encode({"messages": ask("A quarter.").messages, "continuation": asked.continuation})
    return msgspec.json.decode(body, type=Conversation)


@pytest.mark.parametrize("question", ["?" * 6_000, "?" * 20_000, "\U0001f600" * 20_000, "é" * 8_000])
async def test_a_long_question_can_be_answered(question: str, agents: Agents, model_server: ModelServer):
    answer = await question_of(agents, model_server, question)
    model_server.script(says("Fine."))
    assert isinstance((await play(agents, answer))[-1], RunDone)
    assert question in [each["content"] for each in model_server.requests[-1]["messages"]]


@pytest.mark.parametrize(
    "failure", [Reply(status=500), Reply(status=429), Reply(finish=""), says("SPY leads", cut_after=1)]
)
async def test_an_answer_whose_run_failed_is_good_for_the_next_try(
    failure: Reply, agents: Agents, model_server: ModelServer
):
    answer = await question_of(agents, model_server)
    model_server.script(failure)
    for _ in range(2):
        assert isinstance((await play(agents, answer))[-1], RunFailed)
    model_server.script(says("Fine."))
    assert isinstance((await play(agents, answer))[-1], RunDone)
    with pytest.raises(Conflict):
        await play(agents, answer)


async def test_an_answer_whose_run_was_left_is_good_for_the_next_try(
    agents: Agents, model_server: ModelServer
):
    answer = await question_of(agents, model_server)
    model_server.script(says("SPY leads", hold_after=1), says("Fine."))
    stream = await agents.run(TEAM, answer, user=caller())
    with pytest.raises(Conflict):
        await play(agents, answer)
    await model_server.held()
    await stream.aclose()
    assert isinstance((await play(agents, answer))[-1], RunDone)
    with pytest.raises(Conflict):
        await play(agents, answer)

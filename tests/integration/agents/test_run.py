"""What a run says, from its first word to its last, against a real streaming model server."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncGenerator
from enum import StrEnum
from typing import Annotated

import pytest
from msgspec import Meta, Struct

from shared.agents import (
    Agent,
    AgentEvent,
    AgentMessage,
    Agents,
    Budget,
    InputRequired,
    MessageDelta,
    RunDone,
    RunFailed,
    RunStarted,
    RunStream,
    Team,
    TokenUsage,
    ToolCall,
    ToolResult,
)
from shared.errors import (
    AgentsUnavailable,
    AnnexError,
    Conflict,
    Invalid,
    ModelUnavailable,
    NotFound,
    TooManyRuns,
)
from shared.secret import Secret
from tests.fixtures.agents import AgentsMaker, ModelServer, ask, caller, calls, eventually, says


class Verdict(Struct):
    """What one agent answers."""

    stance: str
    confidence: float


async def latest(symbol: str) -> dict[str, float]:
    """Return the newest reading."""
    return {symbol: 0.82}


async def all_of(stream: RunStream) -> list[AgentEvent]:
    return [event async for event in stream]


def kinds(events: list[AgentEvent]) -> list[str]:
    """Name the events, deltas left out."""
    return [type(event).__name__ for event in events if not isinstance(event, MessageDelta)]


PAIR = Team(
    "regime",
    (Agent("analyst", "Read.", (latest,)), Agent("critic", "Doubt.")),
    until="AGREED",
    max_turns=6,
)


async def test_a_discussion_is_told_event_by_event(agents: Agents, model_server: ModelServer):
    model_server.script(calls("latest", symbol="SPY"), says("SPY seeks risk."), says("AGREED"))
    events = await all_of(await agents.run(PAIR, ask(), user=caller()))
    assert kinds(events) == [
        "RunStarted",
        "ToolCall",
        "ToolResult",
        "AgentMessage",
        "TokenUsage",
        "AgentMessage",
        "TokenUsage",
        "RunDone",
    ]
    assert events[1] == ToolCall(
        call_id="call_1_0", agent="analyst", tool="latest", arguments='{"symbol": "SPY"}'
    )
    assert events[2] == ToolResult(call_id="call_1_0", agent="analyst", tool="latest", text='{"SPY":0.82}')
    assert events[-1] == RunDone(stop_reason="completed", usage=TokenUsage(input_tokens=30, output_tokens=15))


async def test_deltas_add_up_to_the_message_that_has_their_id(agents: Agents, model_server: ModelServer):
    model_server.script(says("SPY leads TLT today. AGREED"))
    events = await all_of(await agents.run(PAIR, ask(), user=caller()))
    message = next(event for event in events if isinstance(event, AgentMessage))
    pieces = [event for event in events if isinstance(event, MessageDelta)]
    assert len(pieces) == 5
    assert {piece.message_id for piece in pieces} == {message.message_id}
    assert "".join(piece.text for piece in pieces) == message.text


async def test_the_model_is_told_the_conversation_and_who_said_what(
    agents: Agents, model_server: ModelServer
):
    model_server.script(says("AGREED"))
    turns = ask("Why?").messages
    past = ask("Is SPY risk-on?").messages
    said = type(turns[0])(role="assistant", agent="analyst", content="It is.")
    conversation = type(ask())(messages=(*past, said, *turns))
    await all_of(await agents.run(PAIR, conversation, user=caller()))
    sent = model_server.requests[0]["messages"]
    assert [(each["role"], each["content"]) for each in sent] == [
        ("system", "Read."),
        ("user", "Is SPY risk-on?"),
        ("assistant", "It is."),
        ("user", "Why?"),
    ]


async def test_a_discussion_that_does_not_agree_ends_at_its_turn_limit(
    agents: Agents, model_server: ModelServer
):
    model_server.script(says("I doubt it."))
    events = await all_of(await agents.run(PAIR, ask(), user=caller()))
    assert len([event for event in events if isinstance(event, AgentMessage)]) == 6
    assert isinstance(events[-1], RunDone)
    assert events[-1].stop_reason == "turn_limit"


async def test_no_call_is_made_once_the_tokens_are_used_up(agents: Agents, model_server: ModelServer):
    model_server.script(says("I doubt it.", usage=(40, 20)))
    events = await all_of(await agents.run(PAIR, ask(), user=caller(), budget=Budget(tokens=100)))
    assert len(model_server.requests) == 2
    assert events[-1] == RunDone(
        stop_reason="token_limit", usage=TokenUsage(input_tokens=80, output_tokens=40)
    )


async def test_one_agent_answers_in_the_form_it_was_asked_for(agents: Agents, model_server: ModelServer):
    model_server.script(says('{"stance": "risk_on", "confidence": 0.7}'))
    verdict = await agents.answer(Agent("summary", "Sum up."), ask(), Verdict, user=caller())
    assert verdict == Verdict("risk_on", 0.7)
    form = model_server.requests[0]["response_format"]
    assert form["json_schema"]["schema"]["required"] == ["stance", "confidence"]


@pytest.mark.parametrize(
    "text", ["not even JSON", '{"stance": "risk_on"}', '{"stance": 1, "confidence": 0.7}']
)
async def test_an_answer_in_another_form_is_the_models_fault_and_is_not_repeated(
    text: str, agents: Agents, model_server: ModelServer
):
    model_server.script(says(text))
    with pytest.raises(ModelUnavailable, match="does not match the requested type") as refused:
        await agents.answer(Agent("summary", "Sum up."), ask(), Verdict, user=caller())
    assert text not in repr(refused.value)


@pytest.mark.parametrize(
    ("reply", "detail", "retryable"),
    [
        (says("", status=429), "does not respond", True),
        (says("", status=500), "does not respond", True),
        (says("", status=401), "refused the request", False),
        (says("", status=400), "refused the request", False),
        (says("SPY leads TLT", cut_after=2), "", True),
    ],
)
async def test_what_the_provider_does_wrong_ends_the_run_with_one_error_that_does_not_quote_it(
    reply: object, detail: str, retryable: bool, agents: Agents, model_server: ModelServer
):
    model_server.script(reply)  # type: ignore[arg-type]  # a Reply
    before = asyncio.all_tasks()
    events = await all_of(await agents.run(PAIR, ask(), user=caller()))
    last = events[-1]
    assert isinstance(last, RunFailed)
    assert (last.code, last.retryable) == ("model_unavailable", retryable)
    assert detail in last.detail
    assert "canary" not in last.detail
    assert kinds(events)[:-1] == ["RunStarted"]
    assert asyncio.all_tasks() - before <= {agents._framework}


async def test_a_failing_first_attempt_is_repeated_before_the_answer_has_begun(
    make_agents: AgentsMaker, model_server: ModelServer
):
    model_server.script(says("", status=500), says("AGREED"))
    async with make_agents(retries=1) as agents:
        events = await all_of(await agents.run(PAIR, ask(), user=caller()))
    assert isinstance(events[-1], RunDone)
    assert len(model_server.requests) == 2


async def test_a_provider_that_does_not_answer_is_given_up(
    make_agents: AgentsMaker, model_server: ModelServer
):
    model_server.script(says("never", hold_after=0))
    async with make_agents(timeout=0.2) as agents:
        events = await all_of(await agents.run(PAIR, ask(), user=caller()))
    assert isinstance(events[-1], RunFailed)
    assert events[-1].code == "model_unavailable"


async def test_a_tool_that_fails_is_an_answer_to_the_model_and_keeps_its_reason(
    agents: Agents, model_server: ModelServer
):
    async def broken(symbol: str) -> str:
        """Fail."""
        raise RuntimeError(f"canary {symbol}")

    async def missing(symbol: str) -> str:
        """Find nothing."""
        raise NotFound("signal", symbol)

    replies = calls("broken", symbol="SPY"), calls("missing", symbol="TLT"), calls("missing"), says("ok")
    model_server.script(*replies)
    team = Team("regime", (Agent("analyst", "", (broken, missing)),))
    events = await all_of(await agents.run(team, ask(), user=caller()))
    results = [event for event in events if isinstance(event, ToolResult)]
    assert [result.text for result in results] == [
        "The tool failed.",
        'Signal "TLT" was not found.',
        "The arguments do not fit: Object missing required field `symbol`",
    ]
    assert all(result.failed for result in results)
    assert isinstance(events[-1], RunDone)


async def test_a_tool_that_there_is_not_is_told_to_the_model(agents: Agents, model_server: ModelServer):
    model_server.script(calls("sell_everything"), says("Sorry."))
    team = Team("regime", (Agent("analyst", "", (latest,)),))
    events = await all_of(await agents.run(team, ask(), user=caller()))
    result = next(event for event in events if isinstance(event, ToolResult))
    assert result.failed


async def test_a_result_too_long_for_a_model_is_cut(agents: Agents, model_server: ModelServer):
    async def everything() -> str:
        """Return a lot."""
        return "x" * 1_000_000

    model_server.script(calls("everything"), says("Much."))
    events = await all_of(await agents.run(Team("t", (Agent("a", "", (everything,)),)), ask(), user=caller()))
    result = next(event for event in events if isinstance(event, ToolResult))
    assert len(result.text) < 33_000


async def test_more_runs_than_a_user_may_have_are_refused_until_one_ends(
    make_agents: AgentsMaker, model_server: ModelServer
):
    model_server.script(says("SPY leads", hold_after=1))
    async with make_agents(per_user=1, total=2) as agents:
        first = await agents.run(PAIR, ask(), user=caller(1))
        with pytest.raises(TooManyRuns) as refused:
            await agents.run(PAIR, ask(), user=caller(1))
        assert refused.value.retry_after == 5
        second = await agents.run(PAIR, ask(), user=caller(2))
        with pytest.raises(TooManyRuns, match="service"):
            await agents.run(PAIR, ask(), user=caller(3))
        await first.aclose()
        await (await agents.run(PAIR, ask(), user=caller(1))).aclose()
        await second.aclose()


async def test_a_slow_reader_holds_the_team_back(agents: Agents, model_server: ModelServer):
    model_server.script(says("word " * 2000))
    stream = await agents.run(PAIR, ask(), user=caller())
    assert isinstance(await anext(stream), RunStarted)
    run = next(iter(agents._running.values()))
    await eventually(lambda: not run._channel._room.is_set())
    for _ in range(200):
        await asyncio.sleep(0)
    assert len(model_server.requests) == 1
    assert len(run._channel._events) <= 64
    unread = sum(type(each).__name__ == "ModelClientStreamingChunkEvent" for each in gc.get_objects())
    assert unread < 400
    await stream.aclose()


async def test_a_question_to_the_person_ends_the_run_and_its_answer_starts_the_next(
    agents: Agents, model_server: ModelServer
):
    team = Team(
        "regime", (Agent("analyst", "Read.", may_ask=True), Agent("critic", "Doubt.")), until="AGREED"
    )
    model_server.script(calls("ask_user", question="Which horizon?"), says("AGREED"))
    events = await all_of(await agents.run(team, ask(), user=caller()))
    assert kinds(events)[-2:] == ["InputRequired", "RunDone"]
    asked, done = events[-2:]
    assert isinstance(asked, InputRequired)
    assert isinstance(done, RunDone)
    assert (asked.agent, asked.question, done.stop_reason) == ("analyst", "Which horizon?", "input_required")
    assert len(model_server.requests) == 1

    answered = type(ask())(
        messages=(*ask().messages, *ask("A quarter.").messages), continuation=asked.continuation
    )
    events = await all_of(await agents.run(team, answered, user=caller()))
    assert isinstance(events[-1], RunDone)
    sent = model_server.requests[1]["messages"]
    assert [each["content"] for each in sent[1:]] == ["Is SPY/TLT risk-on?", "Which horizon?", "A quarter."]
    with pytest.raises(Conflict):
        await agents.run(team, answered, user=caller())
    with pytest.raises(Invalid):
        await agents.run(team, answered, user=caller(2))
    assert agents._running == {}


async def test_without_a_model_production_refuses_and_says_why():
    from shared.agents import ModelSettings, RunLimits

    async with Agents(ModelSettings(), RunLimits(per_user=1, total=1), secret=Secret("x")) as agents:
        with pytest.raises(AgentsUnavailable, match="OPENAI_API_KEY"):
            await agents.run(PAIR, ask(), user=caller())
        assert agents._running == {}


async def test_a_run_of_another_user_is_not_found(agents: Agents, model_server: ModelServer):
    model_server.script(says("SPY leads", hold_after=1))
    stream = await agents.run(PAIR, ask(), user=caller(1))
    started = await anext(stream)
    assert isinstance(started, RunStarted)
    with pytest.raises(NotFound):
        await agents.stop(started.run_id, user=caller(2))
    with pytest.raises(NotFound):
        await agents.resume(started.run_id, user=caller(1))
    with pytest.raises(AnnexError):
        await agents.run(PAIR, ask(), user=caller(1), detach=True)
    await stream.aclose()


async def test_a_mistake_of_ours_is_an_internal_error_and_the_log_knows_it(
    agents: Agents, model_server: ModelServer, caplog: pytest.LogCaptureFixture
):
    class Opaque:
        """No model can write one."""

    def odd(symbol: Opaque) -> None:
        """Read."""

    team = Team("regime", (Agent("analyst", "", (odd,)),))
    events = await all_of(await agents.run(team, ask(), user=caller()))
    assert isinstance(events[-1], RunFailed)
    assert events[-1].code == "internal_error"
    assert "Opaque" not in events[-1].detail
    assert "agent run failed" in caplog.text


async def test_a_tool_that_cannot_be_ended_does_not_hold_the_run_and_is_reported(
    agents: Agents, model_server: ModelServer, caplog: pytest.LogCaptureFixture
):
    inside, enough = asyncio.Event(), asyncio.Event()

    async def stuck(symbol: str) -> str:
        """Swallow every cancellation."""
        inside.set()
        while not enough.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await enough.wait()
        return symbol

    model_server.script(calls("stuck", symbol="SPY"), says("never"))
    stream = await agents.run(Team("t", (Agent("a", "", (stuck,)),)), ask(), user=caller())
    reading = asyncio.create_task(all_of(stream))
    await inside.wait()
    started = next(iter(agents._running))
    await agents.stop(started, user=caller())
    last = (await reading)[-1]
    assert isinstance(last, RunDone)
    assert agents._running == {}
    assert "left tasks that do not end" in caplog.text
    enough.set()
    await asyncio.sleep(0.05)
    assert len(model_server.requests) == 1


async def test_a_framework_that_asks_for_a_whole_answer_goes_through_the_same_client(
    agents: Agents, model_server: ModelServer
):
    from autogen_core.models import UserMessage

    from shared.agents.autogen.models.clients import ModelClients
    from shared.agents.autogen.models.run_model import RunModel
    from shared.agents.holder import Holder
    from shared.agents.running.run import TeamRun

    model_server.script(says("Risk-on."))
    clients = ModelClients(agents._framework._models)

    def silent(run: TeamRun) -> AsyncGenerator[AgentEvent]:
        raise NotImplementedError

    run = TeamRun(silent, holder=Holder("user_1"), team="regime", budget=Budget(tokens=20), owner=agents)
    model = RunModel(clients.client(PAIR), run, trace_messages=False)
    question = [UserMessage(content="Risk-on?", source="user")]
    assert (await model.create(question)).content == "Risk-on. "
    assert model.total_usage() == model.actual_usage()
    assert (model.total_usage().prompt_tokens, model.remaining_tokens(question)) == (10, 5)
    await model.create(question)
    assert (await model.create(question)).content == ""
    assert len(model_server.requests) == 2
    await clients.close()


class Regime(StrEnum):
    RISK_ON = "RISK_ON"
    RISK_OFF = "RISK_OFF"


class Wanted(Struct):
    """Which readings."""

    symbol: Annotated[str, Meta(pattern="^[A-Z]+$")]
    regime: Regime


async def test_a_tools_arguments_are_of_the_types_that_it_names(agents: Agents, model_server: ModelServer):
    taken: list[object] = []

    async def compare(wanted: list[Wanted], days: Annotated[int, Meta(ge=1, le=90)] = 30) -> str:
        """Compare readings."""
        taken.append((wanted, days))
        return "compared"

    model_server.script(
        calls("compare", wanted=[{"symbol": "SPY", "regime": "RISK_ON"}]),
        calls("compare", wanted=[], days=1000),
        says("Done."),
    )
    team = Team("t", (Agent("a", "", (compare,)),))
    events = await all_of(await agents.run(team, ask(), user=caller()))
    assert taken == [([Wanted("SPY", Regime.RISK_ON)], 30)]
    results = [event.text for event in events if isinstance(event, ToolResult)]
    assert results == ["compared", "The arguments do not fit: Expected `int` <= 90 - at `$.days`"]
    schema = model_server.requests[0]["tools"][0]["function"]["parameters"]
    assert schema["required"] == ["wanted"]
    assert schema["properties"]["days"]["maximum"] == 90
    assert schema["$defs"]["Wanted"]["properties"]["symbol"]["pattern"].startswith("^")


async def test_an_answer_outside_the_bounds_of_its_struct_is_the_models_fault(
    agents: Agents, model_server: ModelServer
):
    class Sure(Struct):
        confidence: Annotated[float, Meta(ge=0, le=1)]

    model_server.script(says('{"confidence": 7}'))
    with pytest.raises(ModelUnavailable, match="does not match the requested type"):
        await agents.answer(Agent("summary", "Sum up."), ask(), Sure, user=caller())


async def test_a_function_cannot_end_the_runs_of_the_others(agents: Agents) -> None:
    with pytest.raises(RuntimeError, match="opens and closes"):
        async with agents:
            pass

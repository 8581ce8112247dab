"""What providers really send: refusals, filters, limits, reasoning, tools without end, no counts."""

from typing import Any

import pytest
from msgspec import Struct

from shared.agents import (
    Agent,
    AgentEvent,
    AgentMessage,
    Agents,
    Budget,
    MessageDelta,
    Reasoning,
    ReasoningDelta,
    RunDone,
    RunFailed,
    Team,
    ToolCall,
    ToolResult,
)
from shared.errors import Unavailable
from tests.fixtures.agents import ModelServer, Reply, ask, caller, calls, says

THOUGHT = "canary-thought"


async def latest(symbol: str = "SPY") -> str:
    """Return the newest reading."""
    return f"{symbol} 0.82"


PAIR = Team(
    "regime",
    (Agent("analyst", "Read.", (latest,)), Agent("critic", "Doubt.")),
    until="AGREED",
    max_turns=6,
)
ALONE = Team("one", (Agent("analyst", "Read.", (latest,)),))


async def told(agents: Agents, team: Team = PAIR, **options: Any) -> list[AgentEvent]:
    events = [event async for event in await agents.run(team, ask(), user=caller(), **options)]
    assert_every_delta_belongs_to_a_whole(events)
    return events


def assert_every_delta_belongs_to_a_whole(events: list[AgentEvent]) -> None:
    """Check that each message is the sum of its pieces, and comes after them, where the run did not fail."""
    pieces: dict[str, str] = {}
    for event in events:
        match event:
            case MessageDelta(message_id=key, text=text) | ReasoningDelta(reasoning_id=key, text=text):
                pieces[key] = pieces.get(key, "") + text
            case AgentMessage(message_id=key, text=text) | Reasoning(reasoning_id=key, text=text):
                assert pieces.pop(key, text) == text
    assert not pieces or isinstance(events[-1], RunFailed)


def texts(events: list[AgentEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, AgentMessage)]


def ending(events: list[AgentEvent]) -> str:
    last = events[-1]
    assert isinstance(last, RunDone | RunFailed)
    return last.stop_reason if isinstance(last, RunDone) else last.code


@pytest.mark.parametrize(
    ("reply", "stop_reason", "message"),
    [
        (Reply(refusal=("I cannot ", "help.")), "refusal", ["I cannot help."]),
        (says("I cannot help.", finish="refusal"), "refusal", ["I cannot help. "]),
        (says("SPY leads", finish="content_filter"), "content_filter", ["SPY leads "]),
        (Reply(finish="content_filter"), "content_filter", []),
        (says("SPY leads", finish="SAFETY"), "content_filter", ["SPY leads "]),
        (Reply(status=400, code="content_filter"), "content_filter", []),
        (says("SPY leads", finish="length"), "length", ["SPY leads "]),
        (says("SPY leads", finish="MAX_TOKENS"), "length", ["SPY leads "]),
        (Reply(reasoning=(THOUGHT,), finish="length"), "length", []),
        (says(f"<think> {THOUGHT}", finish="length"), "length", []),
        (Reply(calls=(("latest", {}),), finish="length"), "length", []),
    ],
)
async def test_an_answer_that_is_none_ends_the_run_at_once_with_its_reason(
    reply: Reply, stop_reason: str, message: list[str], agents: Agents, model_server: ModelServer
):
    model_server.script(reply)
    events = await told(agents)
    assert (ending(events), texts(events)) == (stop_reason, message)
    assert len(model_server.requests) == 1
    assert not any(isinstance(event, ToolCall) for event in events)


class Verdict(Struct):
    """What one agent answers."""

    stance: str


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(refusal=("I cannot help.",)), "refusal"),
        (says('{"stance": "ri', finish="length"), "length"),
        (Reply(finish="content_filter"), "content_filter"),
    ],
)
async def test_a_structured_answer_that_is_none_says_why(
    reply: Reply, reason: str, agents: Agents, model_server: ModelServer
):
    model_server.script(reply)
    with pytest.raises(Unavailable, match=reason):
        await agents.answer(Agent("summary", "Sum up."), ask(), Verdict, user=caller())
    assert len(model_server.requests) == 1


async def test_a_model_that_goes_on_calling_tools_is_done_and_says_so(
    agents: Agents, model_server: ModelServer
):
    model_server.script(calls("latest", symbol="SPY"))
    events = await told(agents)
    assert ending(events) == "tool_limit"
    assert len(model_server.requests) == 5  # four rounds, and one last chance to answer
    assert len([event for event in events if isinstance(event, ToolResult)]) == 4


@pytest.mark.parametrize("tool_rounds", [1, 2])
async def test_after_its_tool_rounds_a_model_answers_at_a_strict_provider(
    tool_rounds: int, agents: Agents, model_server: ModelServer
):
    model_server.is_strict = True
    model_server.script(*[calls("latest")] * tool_rounds, says("SPY leads."))
    team = Team("one", (Agent("analyst", "Read.", (latest,), tool_rounds=tool_rounds),))
    events = await told(agents, team)
    assert (ending(events), texts(events)) == ("completed", ["SPY leads. "])
    assert model_server.requests[-1]["tool_choice"] == "none"


async def test_text_before_a_tool_call_is_a_message_of_its_own(agents: Agents, model_server: ModelServer):
    first = Reply(words=("Let me ", "look."), calls=(("latest", {}),))
    model_server.script(first, first, says("SPY leads."))
    events = await told(agents, ALONE)
    assert texts(events) == ["Let me look.", "Let me look.", "SPY leads. "]
    sent = model_server.requests[1]["messages"]
    assert next(each["content"] for each in sent if each["role"] == "assistant") == "Let me look."


async def test_a_message_that_was_begun_when_its_run_was_ended_is_told_as_far_as_it_came(
    agents: Agents, model_server: ModelServer
):
    model_server.script(says("SPY leads TLT", hold_after=2))
    stream = await agents.run(ALONE, ask(), user=caller())
    events = [await anext(stream) for _ in range(3)]
    await model_server.held()
    await agents.stop(events[0].run_id, user=caller())  # type: ignore[union-attr]  # a RunStarted
    events += [event async for event in stream]
    assert_every_delta_belongs_to_a_whole(events)
    assert (texts(events), ending(events)) == (["SPY leads "], "cancelled")


REASONERS = [
    pytest.param(Reply(reasoning=(THOUGHT, " on"), words=("SPY leads.",)), id="a field of its own"),
    pytest.param(
        Reply(deltas=({"reasoning": THOUGHT}, {"reasoning": " on", "content": "SPY "}), words=("leads.",)),
        id="the other name of the field, and both at once",
    ),
    pytest.param(Reply(words=(f"<think>{THOUGHT} on</think>", "SPY leads.")), id="in the text"),
    pytest.param(
        Reply(words=("\n<th", "ink>", THOUGHT, " on", "</", "think>", "\n\n", "SPY leads.")), id="in pieces"
    ),
    pytest.param(Reply(words=(*f"<think>{THOUGHT} on</think>SPY leads.",)), id="letter by letter"),
    pytest.param(
        Reply(words=("<think></think><think>", f"{THOUGHT} on</think>SPY leads.")), id="an empty one first"
    ),
]


@pytest.mark.parametrize("reply", REASONERS)
async def test_reasoning_is_kept_back_unless_it_is_asked_for(
    reply: Reply, agents: Agents, model_server: ModelServer
):
    model_server.script(reply)
    events = await told(agents, ALONE)
    assert texts(events) == ["SPY leads."]
    assert THOUGHT not in repr(events)


@pytest.mark.parametrize("reply", REASONERS)
async def test_reasoning_that_is_asked_for_is_an_event_of_its_own_before_the_text(
    reply: Reply, agents: Agents, model_server: ModelServer
):
    model_server.script(reply)
    events = await told(agents, ALONE, reasoning=True)
    assert texts(events) == ["SPY leads."]
    (thought,) = [event for event in events if isinstance(event, Reasoning)]
    assert (thought.agent, thought.text) == ("analyst", f"{THOUGHT} on")
    kinds = [type(event) for event in events]
    assert kinds.index(ReasoningDelta) < kinds.index(Reasoning) < kinds.index(MessageDelta)


async def test_reasoning_before_a_tool_call_comes_before_it(agents: Agents, model_server: ModelServer):
    thinking = Reply(reasoning=(THOUGHT,), calls=(("latest", {}),))
    model_server.script(thinking, Reply(reasoning=("again",), words=("SPY leads.",)))
    events = await told(agents, ALONE, reasoning=True)
    kinds = [type(event) for event in events if not isinstance(event, MessageDelta | ReasoningDelta)]
    assert kinds[1:5] == [Reasoning, ToolCall, ToolResult, Reasoning]
    assert THOUGHT not in repr(model_server.requests[1])


@pytest.mark.parametrize("text", ["The <think> tag opens.", "a < b", "<", "<thin", "<b>bold</b>"])
async def test_text_that_only_looks_like_a_tag_is_text(text: str, agents: Agents, model_server: ModelServer):
    model_server.script(Reply(words=tuple(text)))
    assert texts(await told(agents, ALONE)) == [text]


async def test_reasoning_before_a_structured_answer_is_no_part_of_it(
    agents: Agents, model_server: ModelServer
):
    model_server.script(Reply(words=("<think>{</think>", '{"stance": "risk_on"}')))
    verdict = await agents.answer(Agent("summary", "Sum up."), ask(), Verdict, user=caller())
    assert verdict == Verdict("risk_on")


NO_COUNTS = [None, (0, 0), (-1_000_000, -1), (None, None), ("10", "5"), (10**30, 10**30), (True, True)]


@pytest.mark.parametrize("usage", NO_COUNTS)
async def test_a_budget_holds_where_the_provider_does_not_count(
    usage: tuple[Any, Any] | None, agents: Agents, model_server: ModelServer
):
    model_server.script(says("I doubt it very much. " * 20, usage=usage))
    events = await told(agents, budget=Budget(tokens=300))
    assert ending(events) == "token_limit"
    assert len(model_server.requests) <= 3
    last = events[-1]
    assert isinstance(last, RunDone)
    assert 0 < last.usage.input_tokens < 10_000
    assert 0 < last.usage.output_tokens < 10_000


async def test_an_answer_without_end_is_cut_at_the_budget_although_nobody_counts(
    agents: Agents, model_server: ModelServer
):
    model_server.script(says("word " * 5_000, usage=None))
    events = await told(agents, budget=Budget(tokens=500))
    assert ending(events) == "token_limit"
    assert len(texts(events)[0]) < 3_000


async def test_an_answer_too_long_to_be_sent_back_is_cut(agents: Agents, model_server: ModelServer):
    model_server.script(Reply(words=("x" * 60_000, "y" * 60_000)))
    events = await told(agents)
    assert ending(events) == "length"
    assert texts(events) == ["x" * 60_000 + "y" * 40_000]


@pytest.mark.parametrize(
    "code", ["insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "account_deactivated"]
)
async def test_an_account_that_is_used_up_is_not_worth_another_try(
    code: str, agents: Agents, model_server: ModelServer
):
    model_server.script(Reply(status=429, code=code))
    last = (await told(agents))[-1]
    assert isinstance(last, RunFailed)
    assert (last.code, last.retryable) == ("model_unavailable", False)


@pytest.mark.parametrize(("status", "retryable"), [(402, False), (403, False), (404, False), (408, True)])
async def test_a_providers_status_says_whether_another_try_helps(
    status: int, retryable: bool, agents: Agents, model_server: ModelServer
):
    model_server.script(Reply(status=status))
    last = (await told(agents))[-1]
    assert isinstance(last, RunFailed)
    assert last.retryable is retryable


def call_delta(**call: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": 0, "type": "function", **call}]}


@pytest.mark.parametrize(
    "deltas",
    [
        pytest.param((call_delta(function={"name": "latest", "arguments": ""}),), id="no id, no arguments"),
        pytest.param((call_delta(id="a", function={"name": "latest"}),), id="arguments left out"),
        pytest.param(
            (call_delta(id="a", function={"name": "latest", "arguments": {"symbol": "SPY"}}),),
            id="arguments as an object",
        ),
        pytest.param(
            (
                call_delta(id="a", function={"name": "latest", "arguments": '{"symbol"'}),
                call_delta(id="a", function={"name": "latest", "arguments": ': "SPY"}'}),
            ),
            id="id and name repeated",
        ),
    ],
)
async def test_a_tool_call_in_a_servers_own_style_is_understood(
    deltas: tuple[dict[str, Any], ...], agents: Agents, model_server: ModelServer
):
    model_server.script(Reply(deltas=deltas, finish="tool_calls"), says("Done."))
    events = await told(agents, ALONE)
    assert [event.text for event in events if isinstance(event, ToolResult)] == ["SPY 0.82"]
    assert ending(events) == "completed"


async def test_parallel_calls_that_all_count_as_the_first_stay_apart(
    agents: Agents, model_server: ModelServer
):
    deltas = (
        call_delta(id="a", function={"name": "latest", "arguments": '{"symbol": "SPY"}'}),
        call_delta(id="b", function={"name": "latest", "arguments": '{"symbol": "TLT"}'}),
    )
    model_server.script(Reply(deltas=deltas, finish="tool_calls"), says("Done."))
    events = await told(agents, ALONE)
    assert [event.text for event in events if isinstance(event, ToolResult)] == ["SPY 0.82", "TLT 0.82"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("SPY \ud800 leads",), "SPY � leads"),
        (("SPY \ud83d", "\ude00 leads"), "SPY \U0001f600 leads"),
        (("SPY leads \udc00",), "SPY leads �"),
        (("SPY leads", " \ud83d"), "SPY leads �"),
    ],
)
async def test_half_a_character_is_replaced_and_two_halves_are_one(
    words: tuple[str, ...], text: str, agents: Agents, model_server: ModelServer
):
    model_server.script(Reply(words=words))
    events = await told(agents)
    assert texts(events)[0] == text
    assert ending(events) == "turn_limit"


async def test_half_a_character_in_a_tool_call_its_result_and_a_question_is_replaced(
    agents: Agents, model_server: ModelServer
):
    async def echo(text: str) -> list[str]:
        """Repeat it."""
        return [text, "\ud800"]

    model_server.script(calls("echo", text="a \ud800"), says("Done."))
    team = Team("one", (Agent("analyst", "Read.", (echo,)),))
    stream = await agents.run(team, ask("Why \ud800?"), user=caller())
    events = [event async for event in stream]
    (result,) = [event for event in events if isinstance(event, ToolResult)]
    assert result.text == '["a �","�"]'
    assert ending(events) == "completed"
    assert model_server.requests[0]["messages"][-1]["content"] == "Why �?"

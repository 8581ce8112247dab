"""Events as parts of a chat library, and a chat library's body as a conversation."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from runtime.routing.calling.answers.endings import Failed
from shared.agents import (
    AgentEvent,
    AgentMessage,
    Conversation,
    CustomEvent,
    InputRequired,
    MessageDelta,
    Reasoning,
    ReasoningDelta,
    RunDone,
    RunFailed,
    RunStarted,
    TokenUsage,
    ToolCall,
    ToolResult,
)
from shared.agents.conversation.bodies import chat_body
from shared.agents.wire.ag_ui import AGUIEncoder
from shared.agents.wire.ui_messages import UIMessageEncoder

SOON = datetime(2030, 1, 1, tzinfo=UTC)
CALL = ToolCall(call_id="c", agent="a", tool="sell", arguments='{"n":1}')


def parts(encoder: Any, *events: Any) -> list[dict[str, Any]]:
    return [part for event in events for part in encoder(event)]


def types(encoder: Any, *events: Any) -> list[str]:
    return [part["type"] for part in parts(encoder, *events)]


def test_a_message_is_begun_once_and_ended_once_in_both_formats():
    events = [
        MessageDelta(message_id="m", agent="a", text="Up"),
        MessageDelta(message_id="m", agent="a", text="."),
        AgentMessage(message_id="m", agent="a", text="Up."),
    ]
    assert types(UIMessageEncoder(), *events) == ["text-start", "text-delta", "text-delta", "text-end"]
    assert types(AGUIEncoder("t", "r"), *events) == [
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
    ]


def test_a_message_without_deltas_is_written_whole_in_both_formats():
    whole = AgentMessage(message_id="m", agent="a", text="Up.", data={"stance": "up"})
    assert types(UIMessageEncoder(), whole) == ["text-start", "text-delta", "text-end", "data-output"]
    assert types(AGUIEncoder("t", "r"), whole)[-2:] == ["TEXT_MESSAGE_END", "CUSTOM"]


def test_reasoning_is_apart_from_text_in_both_formats():
    events = [
        ReasoningDelta(reasoning_id="r", agent="a", text="Hm"),
        Reasoning(reasoning_id="r", agent="a", text="Hm"),
    ]
    assert types(UIMessageEncoder(), *events) == ["reasoning-start", "reasoning-delta", "reasoning-end"]
    assert types(AGUIEncoder("t", "r"), *events)[-2:] == ["REASONING_MESSAGE_END", "REASONING_END"]


@pytest.mark.parametrize(("arguments", "read"), [('{"n":1}', {"n": 1}), ("{n", "{n")])
def test_arguments_are_objects_where_they_are_json(arguments: str, read: object):
    call = msgspec.structs.replace(CALL, arguments=arguments)
    assert parts(UIMessageEncoder(), call)[1]["input"] == read


@pytest.mark.parametrize(
    ("event", "part"),
    [
        (ToolResult(call_id="c", agent="a", tool="sell", text="no", failed=True), "tool-output-error"),
        (ToolResult(call_id="c", agent="a", tool="sell", text="yes"), "tool-output-available"),
        (CustomEvent(name="x", agent="a"), "data-custom"),
        (TokenUsage(input_tokens=1), "message-metadata"),
        (RunDone(stop_reason="cancelled", usage=TokenUsage()), "abort"),
        (RunFailed(code="x", detail="No.", retryable=True, usage=TokenUsage()), "error"),
        (Failed(code="x", detail="No.", request_id="r"), "error"),
    ],
)
def test_every_other_event_has_its_part_of_a_ui_message(event: AgentEvent, part: str):
    assert types(UIMessageEncoder(), event) == [part]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("completed", "stop"),
        ("length", "length"),
        ("content_filter", "content-filter"),
        ("turn_limit", "stop"),
    ],
)
def test_a_stop_reason_is_a_finish_reason(reason: Any, finish: str):
    last = parts(UIMessageEncoder(), RunDone(stop_reason=reason, usage=TokenUsage()))[-1]
    assert (last["finishReason"], last["messageMetadata"]["stopReason"]) == (finish, reason)


def test_a_question_interrupts_a_run_of_ag_ui():
    question = InputRequired(agent="a", question="Sell?", continuation="token", expires_at=SOON, call=CALL)
    last = parts(AGUIEncoder("t", "r"), question, RunDone(stop_reason="input_required", usage=TokenUsage()))[
        -1
    ]
    assert last["outcome"]["interrupts"] == [
        {
            "id": "token",
            "reason": "tool_call",
            "message": "Sell?",
            "expiresAt": "2030-01-01T00:00:00Z",
            "toolCallId": "c",
        }
    ]


def test_the_ids_of_an_ag_ui_client_are_repeated_and_the_runs_own_is_told():
    first, second = parts(AGUIEncoder("t", "r"), RunStarted(run_id="run_1"))
    assert first == {"type": "RUN_STARTED", "threadId": "t", "runId": "r"}
    assert second["value"] == {"runId": "run_1"}


def ui(role: str, text: str, **more: Any) -> dict[str, Any]:
    return {"id": f"{role}-{text[:9]}", "role": role, "parts": [{"type": "text", "text": text}], **more}


def read(body: dict[str, Any]) -> Conversation:
    found = Conversation.read_as(body)
    assert found is not None
    kind, members = found
    conversation: Conversation = msgspec.convert(members, kind)
    return conversation


def test_a_chat_that_is_too_long_loses_its_oldest_messages():
    messages = [ui("user" if number % 2 == 0 else "assistant", f"{number}") for number in range(501)]
    conversation = read({"messages": messages})
    assert len(conversation.messages) == 199
    assert conversation.messages[-1].content == "500"


def test_a_chat_with_too_much_text_loses_its_oldest_messages():
    long = ui("assistant", "x" * 150_000)
    conversation = read({"messages": [ui("user", "a"), long, ui("user", "b"), long, ui("user", "c")]})
    assert [len(turn.content) for turn in conversation.messages] == [1, 100_000, 1]


@pytest.mark.parametrize(("minutes", "token"), [(5, "token"), (-5, None)])
def test_the_answer_to_a_question_continues_its_run_while_that_is_possible(minutes: int, token: str | None):
    expires = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()
    data = {"question": "Which?", "continuation": "token", "expiresAt": expires}
    asked = {"id": "2", "role": "assistant", "parts": [{"type": "data-question", "data": data}]}
    assert read({"messages": [ui("user", "Hi."), asked, ui("user", "SPY")]}).continuation == token


@pytest.mark.parametrize(
    ("status", "payload", "approved", "said"),
    [
        ("resolved", {"approved": True}, True, "Approved."),
        ("resolved", {"approved": False}, False, "Declined."),
        ("cancelled", None, False, "Declined."),
        ("resolved", "SPY", None, "SPY"),
    ],
)
def test_the_answer_to_an_interrupt_is_an_approval_or_a_text(
    status: str, payload: object, approved: bool | None, said: str
):
    resume = [{"interruptId": "token", "status": status, "payload": payload}]
    messages = [
        {"id": "1", "role": "user", "content": "Sell."},
        {"id": "2", "role": "assistant", "content": "?"},
    ]
    conversation = read({"threadId": "t", "runId": "r", "messages": messages, "resume": resume})
    assert (conversation.continuation, conversation.approved) == ("token", approved)
    assert conversation.messages[-1].content == said


@pytest.mark.parametrize(
    "body",
    [None, [], {}, {"messages": {}}, {"messages": []}, {"messages": [{"role": "user", "content": "Hi."}]}],
)
def test_every_other_body_is_left_to_the_services_own_format(body: object):
    assert chat_body(body) is None


@pytest.mark.parametrize(
    "messages",
    [
        [{"parts": []}],
        [{"role": "user", "parts": [None, 1, {"type": "text"}, {"type": "text", "text": 1}]}],
        [{"role": "assistant", "parts": [{"state": "approval-responded", "approval": 1}]}],
        [{"role": "assistant", "parts": [{"state": "approval-responded", "approval": {"id": 1}}]}],
        [
            {"role": "assistant", "parts": [{"type": "data-question", "data": 1}]},
            ui("user", "x"),
            {"parts": []},
        ],
    ],
)
def test_a_chat_of_nonsense_does_not_fit_and_breaks_nothing(messages: list[Any]):
    found = Conversation.read_as({"messages": messages})
    assert found is not None
    try:
        msgspec.convert(found[1], found[0])
    except msgspec.ValidationError:
        return
    assert found[1]["messages"][-1]["content"] == "x"

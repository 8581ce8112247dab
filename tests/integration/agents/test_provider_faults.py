"""What servers in between and servers of other makes send: each fault ends a run in one known way."""

import json
from typing import Any

import pytest

from shared.agents import Agent, AgentMessage, Agents, RunDone, RunFailed, Team, ToolResult
from tests.fixtures.agents import ModelServer, Reply, ask, caller, says

DONE = b"data: [DONE]\n\n"
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


async def latest(symbol: str = "SPY") -> str:
    """Return the newest reading."""
    return f"{symbol} 0.82"


TEAM = Team("one", (Agent("analyst", "Read.", (latest,)),))


def chunk(**choice: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "finish_reason": None, "delta": {}, **choice}]}


def text(words: str, **choice: Any) -> dict[str, Any]:
    return chunk(delta={"content": words}, **choice)


END = chunk(finish_reason="stop")


def sent(*chunks: Any, end: bytes = DONE, line: bytes = b"\n", lead: bytes = b"data: ") -> bytes:
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    frames = [each if isinstance(each, bytes) else json.dumps({**head, **each}).encode() for each in chunks]
    return STREAM + b"".join(lead + frame + line + line for frame in frames) + end


def called(finish: object = "tool_calls", **call: Any) -> bytes:
    return sent(
        chunk(
            delta={"tool_calls": [{"index": 0, "id": "a", "type": "function", **call}]}, finish_reason=finish
        )
    )


def head(status: str, body: bytes = b"", *fields: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *fields, f"content-length: {len(body)}", "connection: close", "", ""]
    return "\r\n".join(lines).encode() + body


LOST, REFUSED = ("model_unavailable", True), ("model_unavailable", False)
SAID = ("completed", ["Up."])
FAULTS: dict[str, tuple[bytes, tuple[str, Any]]] = {
    # The connection.
    "hangs up without a word": (b"", LOST),
    "hangs up in the middle of the head": (b"HTTP/1.1 200 OK\r\ncontent-ty", LOST),
    "speaks another protocol": (b"SSH-2.0-OpenSSH_9.7\r\n", LOST),
    "promises more than it sends": (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n"
        + sent(text("Up."))[len(STREAM) :],
        LOST,
    ),
    "says that it compresses, and does not": (
        sent(text("Up."), END).replace(b"connection: close", b"connection: close\r\ncontent-encoding: gzip"),
        LOST,
    ),
    # What a proxy answers.
    "a page in place of a stream": (
        head("200 OK", b"<html>canary-page</html>", "content-type: text/html"),
        LOST,
    ),
    "a page with 502": (
        head("502 Bad Gateway", b"<html>canary-page</html>", "content-type: text/html"),
        LOST,
    ),
    "503 without a body": (head("503 Service Unavailable"), LOST),
    "504": (head("504 Gateway Timeout", b"{}", "content-type: application/json"), LOST),
    "520": (head("520 Unknown", b"canary"), LOST),
    "529 overloaded": (
        head("529 Overloaded", b'{"error": "canary"}', "content-type: application/json"),
        LOST,
    ),
    "429 for a day": (head("429 Too Many Requests", b"{}", "retry-after: 86400"), LOST),
    "429 with a list": (head("429 Too Many Requests", b"[1]", "content-type: application/json"), LOST),
    "409": (head("409 Conflict", b"{}"), LOST),
    "401 without a body": (head("401 Unauthorized"), REFUSED),
    "413 for a long question": (head("413 Payload Too Large", b"canary"), REFUSED),
    "422 with details": (
        head("422 Unprocessable", b'{"detail": [{"msg": "canary"}]}', "content-type: application/json"),
        REFUSED,
    ),
    "451": (head("451 Unavailable For Legal Reasons"), REFUSED),
    "a redirect to itself": (head("302 Found", b"", "location: /v1/chat/completions"), LOST),
    # The stream.
    "an empty stream": (STREAM, LOST),
    "nothing but the end": (sent(), LOST),
    "a chunk that is no JSON": (sent(text("Up."), b"{canary"), LOST),
    "a chunk that is a list": (sent(b"[1, 2]"), LOST),
    "a chunk that is null": (sent(b"null"), LOST),
    "an error in the stream": (sent(text("Up."), {"error": {"message": "canary", "code": 500}}), LOST),
    "an error in the stream as a text": (sent({"error": "canary"}), LOST),
    "no end and no reason": (sent(text("Up."), end=b""), LOST),
    "a reason and no end": (sent(text("Up."), END, end=b""), SAID),
    "choices that are null": (sent({"choices": None}, text("Up."), END), SAID),
    "no choices": (sent({}, text("Up."), END), SAID),
    "a delta that is null": (sent(chunk(delta=None), text("Up."), END), SAID),
    "no delta": (sent({"choices": [{"index": 0}]}, text("Up."), END), SAID),
    "heartbeats": (sent(text("Up."), END).replace(b"data: ", b": ping\n\ndata: "), SAID),
    "lines that end as on Windows": (sent(text("Up."), END, line=b"\r\n"), SAID),
    "no blank after the colon": (sent(text("Up."), END, lead=b"data:"), SAID),
    "named events": (sent(text("Up."), END, lead=b"event: chunk\nid: 7\nretry: 5\ndata: "), SAID),
    "a reason of its own": (sent(text("Up.", finish_reason="eos")), SAID),
    "a reason that is a number": (sent(text("Up.", finish_reason=1), END), SAID),
    "usage first": (sent({"choices": [], "usage": {"prompt_tokens": 1}}, text("Up."), END), SAID),
    "usage that is a text": (sent(text("Up."), END, {"choices": [], "usage": "canary"}), SAID),
    "a second choice": (
        sent({"choices": [text("Up.")["choices"][0], {"index": 1, "delta": {"content": "Down."}}]}, END),
        SAID,
    ),
    "the reason twice": (sent(text("Up."), END, END), SAID),
    "a role and empty texts": (
        sent(chunk(delta={"role": "assistant", "content": ""}), text(""), text("Up."), END),
        SAID,
    ),
    "content that is a number": (sent(chunk(delta={"content": 7}), text("Up."), END), SAID),
    "content in parts": (
        sent(chunk(delta={"content": [{"type": "text", "text": "Hm"}]}), text("Up."), END),
        SAID,
    ),
    "members nobody knows": (sent({"x": 1, **text("Up.")}, END), SAID),
    "a call in the old style": (
        sent(chunk(delta={"function_call": {"name": "latest"}}), text("Up."), END),
        SAID,
    ),
    "tool calls that are null": (sent(chunk(delta={"tool_calls": None}), text("Up."), END), SAID),
    "calls announced and none there": (sent(text("Up."), chunk(finish_reason="tool_calls")), SAID),
    "text of a hundred thousand letters and more": (
        sent(text("x" * 150_000), END),
        ("length", ["x" * 100_000]),
    ),
}


async def told(agents: Agents) -> list[Any]:
    return [event async for event in await agents.run(TEAM, ask(), user=caller())]


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_of_a_provider_ends_the_run_in_one_known_way(
    fault: str, agents: Agents, model_server: ModelServer, caplog: pytest.LogCaptureFixture
):
    raw, (ending, detail) = FAULTS[fault]
    model_server.script(Reply(raw=raw))
    events = await told(agents)
    last = events[-1]
    if isinstance(last, RunFailed):
        assert (last.code, last.retryable) == (ending, detail)
    else:
        assert isinstance(last, RunDone)
        messages = [each.text for each in events if isinstance(each, AgentMessage)]
        assert (last.stop_reason, messages) == (ending, detail)
    assert len(model_server.requests) == 1 or "redirect" in fault
    assert "canary" not in caplog.text + repr(events)


CALLS: dict[str, tuple[bytes, bool]] = {
    "an unknown tool": (called(function={"name": "nobody", "arguments": "{}"}), True),
    "a tool without a name": (called(function={"name": "", "arguments": "{}"}), True),
    "a name with blanks": (called(function={"name": "la test", "arguments": "{}"}), True),
    "arguments that are no JSON": (called(function={"name": "latest", "arguments": "{canary"}), True),
    "arguments that are a list": (called(function={"name": "latest", "arguments": "[]"}), False),
    "arguments that are a number": (called(function={"name": "latest", "arguments": "3"}), True),
    "arguments of a wrong type": (called(function={"name": "latest", "arguments": '{"symbol": 3}'}), True),
    "an argument too many": (called(function={"name": "latest", "arguments": '{"canary": 3}'}), True),
    "a call without its function": (called(), True),
    "a call that ends with `stop`": (called("stop", function={"name": "latest", "arguments": "{}"}), False),
    "an index that is null": (called(index=None, function={"name": "latest", "arguments": "{}"}), False),
    "an id that is a number": (called(id=7, function={"name": "latest", "arguments": "{}"}), False),
}


@pytest.mark.parametrize("fault", CALLS)
async def test_every_call_has_one_result_and_the_model_goes_on(
    fault: str, agents: Agents, model_server: ModelServer
):
    raw, has_failed = CALLS[fault]
    model_server.script(Reply(raw=raw), says("Up."))
    events = await told(agents)
    results = [each for each in events if isinstance(each, ToolResult)]
    assert [each.failed for each in results] == [has_failed]
    assert [each.text for each in events if isinstance(each, AgentMessage)] == ["Up. "]
    assert events[-1].stop_reason == "completed"

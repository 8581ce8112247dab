"""The AI SDK's UI message stream, version 1, which `useChat` reads.

Source: `uiMessageChunkSchema` of the npm package `ai`, versions 5 to 7.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from shared.agents.events import (
    AgentMessage,
    CustomEvent,
    InputRequired,
    MessageDelta,
    Reasoning,
    ReasoningDelta,
    RunDone,
    RunStarted,
    TokenUsage,
    ToolCall,
    ToolResult,
)
from shared.agents.wire.format import Part, Wire

_FINISH_REASONS = {"length": "length", "content_filter": "content-filter", "input_required": "tool-calls"}


def ui_message_stream() -> Wire:
    """Return the format for one stream."""
    headers = {"x-vercel-ai-ui-message-stream": "v1"}
    return Wire(encode=UIMessageEncoder(), headers=headers, end=b"data: [DONE]\n\n")


class UIMessageEncoder:
    """Yields the parts of a UI message for each event."""

    def __init__(self) -> None:
        self._begun: set[str] = set()

    def __call__(self, event: Any) -> Iterator[Part]:  # noqa: C901, PLR0912  a table, one line a kind
        """Yield the parts that `event` becomes."""
        match event:
            case RunStarted(run_id=run_id):
                yield {"type": "start", "messageMetadata": {"runId": run_id}}
                yield {"type": "start-step"}
            case MessageDelta(message_id=key):
                yield from self._piece("text", key, event)
            case AgentMessage(message_id=key):
                yield from self._whole("text", key, event)
                if event.data is not None:
                    yield {
                        "type": "data-output",
                        "id": key,
                        "data": {"agent": event.agent, "output": event.data},
                    }
            case ReasoningDelta(reasoning_id=key):
                yield from self._piece("reasoning", key, event)
            case Reasoning(reasoning_id=key):
                yield from self._whole("reasoning", key, event)
            case ToolCall(call_id=key, tool=tool):
                named = {"toolCallId": key, "toolName": tool, "dynamic": True}
                yield {"type": "tool-input-start", **named}
                yield {"type": "tool-input-available", **named, "input": _json(event.arguments)}
            case ToolResult(call_id=key, failed=True):
                error = {"toolCallId": key, "errorText": event.text, "dynamic": True}
                yield {"type": "tool-output-error", **error}
            case ToolResult(call_id=key):
                output = {"toolCallId": key, "output": event.text, "dynamic": True}
                yield {"type": "tool-output-available", **output}
            case InputRequired(call=ToolCall(call_id=key)):
                yield {"type": "tool-approval-request", "approvalId": event.continuation, "toolCallId": key}
            case InputRequired():
                yield {
                    "type": "data-question",
                    "data": _fields(event, "agent question continuation expires_at"),
                }
            case TokenUsage():
                yield {"type": "message-metadata", "messageMetadata": {"usage": _usage(event)}}
            case CustomEvent():
                data = {"name": event.name, "agent": event.agent}
                yield {"type": "data-custom", "data": data, "transient": True}
            case RunDone(stop_reason="cancelled"):
                yield {"type": "abort", "reason": "cancelled"}
            case RunDone(stop_reason=reason):
                metadata = {"stopReason": reason, "usage": _usage(event.usage)}
                yield {"type": "finish-step"}
                finish = _FINISH_REASONS.get(reason, "stop")
                yield {"type": "finish", "finishReason": finish, "messageMetadata": metadata}
            case _ if hasattr(event, "detail"):  # of the run, or of the service that cut the stream off
                yield {"type": "error", "errorText": event.detail}

    def _piece(self, kind: str, key: str, event: MessageDelta | ReasoningDelta) -> Iterator[Part]:
        if key not in self._begun:
            self._begun.add(key)
            metadata = {"annex": {"agent": event.agent}}
            yield {"type": f"{kind}-start", "id": key, "providerMetadata": metadata}
        yield {"type": f"{kind}-delta", "id": key, "delta": event.text}

    def _whole(self, kind: str, key: str, event: AgentMessage | Reasoning) -> Iterator[Part]:
        if key not in self._begun:
            piece = MessageDelta(message_id=key, agent=event.agent, text=event.text)
            yield from self._piece(kind, key, piece)
        yield {"type": f"{kind}-end", "id": key}


def _usage(usage: TokenUsage) -> Part:
    return {"inputTokens": usage.input_tokens, "outputTokens": usage.output_tokens}


def _fields(event: InputRequired, names: str) -> Part:
    given = msgspec.to_builtins(event)
    rename = {"expires_at": "expiresAt"}
    return {rename.get(name, name): given[rename.get(name, name)] for name in names.split()}


def _json(text: str) -> Any:
    """Return what a model wrote as arguments, as text where it is no JSON."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text

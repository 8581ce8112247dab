"""AG-UI 1.0, which CopilotKit and `@ag-ui/client` read.

Source: the schemas of the npm package `@ag-ui/core` 1.0.0.
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


def ag_ui_stream(thread_id: str, run_id: str) -> Wire:
    """Return the format for one stream, with the ids that the client gave to thread and run."""
    return Wire(encode=AGUIEncoder(thread_id, run_id))


class AGUIEncoder:
    """Yields AG-UI's events for each event of a run."""

    def __init__(self, thread_id: str, run_id: str) -> None:
        self._run = {"threadId": thread_id, "runId": run_id}
        self._begun: set[str] = set()
        self._interrupts: list[Part] = []

    def __call__(self, event: Any) -> Iterator[Part]:  # noqa: C901, PLR0912  a table, one line a kind
        """Yield the events that `event` becomes."""
        match event:
            case RunStarted(run_id=run_id):
                yield {"type": "RUN_STARTED", **self._run}
                yield {"type": "CUSTOM", "name": "annex.run", "value": {"runId": run_id}}
            case MessageDelta(message_id=key):
                yield from self._text(key, event.agent, event.text)
            case AgentMessage(message_id=key):
                if key not in self._begun:
                    yield from self._text(key, event.agent, event.text)
                yield {"type": "TEXT_MESSAGE_END", "messageId": key}
                if event.data is not None:
                    value = {"messageId": key, "output": event.data}
                    yield {"type": "CUSTOM", "name": "annex.output", "value": value}
            case ReasoningDelta(reasoning_id=key):
                yield from self._reasoning(key, event.text)
            case Reasoning(reasoning_id=key):
                if key not in self._begun:
                    yield from self._reasoning(key, event.text)
                yield {"type": "REASONING_MESSAGE_END", "messageId": key}
                yield {"type": "REASONING_END", "messageId": key}
            case ToolCall(call_id=key, tool=tool):
                yield {"type": "TOOL_CALL_START", "toolCallId": key, "toolCallName": tool}
                yield {"type": "TOOL_CALL_ARGS", "toolCallId": key, "delta": event.arguments}
                yield {"type": "TOOL_CALL_END", "toolCallId": key}
            case ToolResult(call_id=key, text=text):
                result = {"messageId": f"{key}-result", "toolCallId": key, "content": text, "role": "tool"}
                yield {"type": "TOOL_CALL_RESULT", **result}
            case InputRequired():
                self._interrupts.append(_interrupt(event))
            case CustomEvent():
                yield {"type": "CUSTOM", "name": event.name, "value": {"agent": event.agent}}
            case RunDone(stop_reason=reason, usage=usage):
                finished = {**self._run, "result": {"stopReason": reason}, "usage": [_usage(usage)]}
                yield {"type": "RUN_FINISHED", **finished, "outcome": self._outcome(reason)}
            case _ if hasattr(event, "detail"):  # of the run, or of the service that cut the stream off
                yield {"type": "RUN_ERROR", "message": event.detail, "code": event.code}

    def _outcome(self, reason: str) -> Part:
        if self._interrupts:
            return {"type": "interrupt", "interrupts": self._interrupts}
        return {"type": "cancelled" if reason == "cancelled" else "success"}

    def _text(self, key: str, agent: str, text: str) -> Iterator[Part]:
        if key not in self._begun:
            self._begun.add(key)
            yield {"type": "TEXT_MESSAGE_START", "messageId": key, "role": "assistant", "name": agent}
        yield {"type": "TEXT_MESSAGE_CONTENT", "messageId": key, "delta": text}

    def _reasoning(self, key: str, text: str) -> Iterator[Part]:
        if key not in self._begun:
            self._begun.add(key)
            yield {"type": "REASONING_START", "messageId": key}
            yield {"type": "REASONING_MESSAGE_START", "messageId": key, "role": "reasoning"}
        yield {"type": "REASONING_MESSAGE_CONTENT", "messageId": key, "delta": text}


def _interrupt(event: InputRequired) -> Part:
    interrupt = {
        "id": event.continuation,
        "reason": "tool_call" if event.call else "input_required",
        "message": event.question,
        "expiresAt": msgspec.to_builtins(event)["expiresAt"],
    }
    return {**interrupt, "toolCallId": event.call.call_id} if event.call else interrupt


def _usage(usage: TokenUsage) -> Part:
    tokens = {"inputTokens": usage.input_tokens, "outputTokens": usage.output_tokens}
    return {**tokens, "totalTokens": usage.total}

"""The messages of a model call as OpenTelemetry's GenAI conventions write them: a role and its parts.

They are recorded only where `ANNEX_TRACE_MESSAGES` asks for them.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from autogen_core import FunctionCall
from autogen_core.models import (
    AssistantMessage,
    CreateResult,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
    UserMessage,
)


def input_of(messages: Sequence[LLMMessage]) -> str:
    """Return `gen_ai.input.messages`."""
    return json.dumps([_told(message) for message in messages])


def output_of(result: CreateResult) -> str:
    """Return `gen_ai.output.messages`."""
    answer = {"role": "assistant", "parts": _parts(result.content), "finish_reason": result.finish_reason}
    return json.dumps([answer])


def _told(message: LLMMessage) -> dict[str, Any]:
    match message:
        case SystemMessage():
            return {"role": "system", "parts": _parts(message.content)}
        case UserMessage():
            return {"role": "user", "parts": _parts(message.content)}
        case AssistantMessage():
            return {"role": "assistant", "parts": _parts(message.content)}
        case FunctionExecutionResultMessage():
            answers = [
                {"type": "tool_call_response", "id": each.call_id, "response": each.content}
                for each in message.content
            ]
            return {"role": "tool", "parts": answers}


def _parts(content: str | Iterable[Any]) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    return [
        _call(each) if isinstance(each, FunctionCall) else {"type": "text", "content": str(each)}
        for each in content
    ]


def _call(call: FunctionCall) -> dict[str, Any]:
    return {"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments}

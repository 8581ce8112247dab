"""Recorded replies in place of a model, for development and tests."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from autogen_core import CancellationToken, FunctionCall
from autogen_core.models import CreateResult, LLMMessage, RequestUsage
from autogen_core.tools import Tool, ToolSchema
from autogen_ext.models.replay import ReplayChatCompletionClient
from msgspec import Struct

from shared.agents.autogen.models.model_client import ABILITIES, JsonOutput, ModelAnswer, Piece, ToolChoice
from shared.errors import ModelUnavailable


class ReplayedModel:
    """Recorded replies, as a model."""

    model = provider = "replay"

    def __init__(self, chat: ReplayChatCompletionClient) -> None:
        self._chat = chat

    async def close(self) -> None:
        """Nothing is open."""

    async def stream(
        self,
        messages: Sequence[LLMMessage],
        tools: Sequence[Tool | ToolSchema],
        tool_choice: ToolChoice,
        json_output: JsonOutput,
        token: CancellationToken | None,
    ) -> AsyncGenerator[Piece]:
        """Yield the next reply word by word, then its `ModelAnswer`."""
        async for piece in self._chat.create_stream(messages, tools=tools, cancellation_token=token):
            if isinstance(piece, str):
                yield piece
                continue
            yield ModelAnswer(
                finish="stop",
                calls=[] if isinstance(piece.content, str) else piece.content,
                usage=(piece.usage.prompt_tokens, piece.usage.completion_tokens),
            )


class Recording(ReplayChatCompletionClient):
    """Replays one script for one run, word by word."""

    component_provider_override = "shared.agents.autogen.models.replay.Recording"

    def __init__(self, replies: Sequence[str | CreateResult], pace: float) -> None:
        super().__init__(replies, model_info=ABILITIES)
        self._pace = pace
        self._played = 0

    async def create_stream(self, *args: Any, **kwargs: Any) -> AsyncGenerator[str | CreateResult]:
        """Yield as the replay client does, with the pauses of a real model."""
        if self._played == len(self.chat_completions):
            raise ModelUnavailable("No recorded reply of this team is left.", retry_after=None)
        async for piece in super().create_stream(*args, **kwargs):
            if isinstance(piece, str):
                await asyncio.sleep(self._pace)
            yield piece
        self._played += 1


class _RecordedCall(Struct):
    tool: str
    arguments: dict[str, Any]


class _RecordedReply(Struct, forbid_unknown_fields=True):
    """One recorded reply: text, structured output, or tool calls."""

    text: str | None = None
    data: Any = None
    calls: list[_RecordedCall] = []


def recorded_replies(path: Path) -> list[str | CreateResult]:
    """Read a file of recorded replies."""
    replies = msgspec.json.decode(path.read_bytes(), type=list[_RecordedReply])
    return [_reply(number, reply) for number, reply in enumerate(replies)]


def _reply(number: int, reply: _RecordedReply) -> str | CreateResult:
    if reply.calls:
        calls = [
            FunctionCall(
                id=f"call_{number}_{index}",
                name=call.tool,
                arguments=msgspec.json.encode(call.arguments).decode(),
            )
            for index, call in enumerate(reply.calls)
        ]
        return CreateResult(
            finish_reason="function_calls",
            content=calls,
            usage=RequestUsage(prompt_tokens=0, completion_tokens=8),
            cached=False,
        )
    return reply.text if reply.text is not None else msgspec.json.encode(reply.data).decode()

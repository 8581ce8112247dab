"""The model clients of the process: one for the provider, or recorded replies where there is none."""

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

from shared.agents.autogen.answer import ABILITIES, Answer, JsonOutput, ModelClient, Piece, ToolChoice
from shared.agents.autogen.completions import Completions
from shared.agents.settings import ModelSettings
from shared.agents.team import Team
from shared.errors import AgentsUnavailable, ModelUnavailable


class ModelClients:
    """Gives a run its client."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._provider: ModelClient | None = None

    def client(self, team: Team) -> ModelClient:
        """Return the provider's client, the same for all, or the team's own recorded replies.

        Raises:
            AgentsUnavailable: no provider is configured and nothing may be, or is, replayed.
        """
        if self._settings.api_key is not None:
            return self._open(self._settings.api_key.reveal())
        if not self._settings.may_replay:
            raise AgentsUnavailable("No model is configured: set OPENAI_API_KEY.", retry_after=None)
        if team.replay is None:
            raise AgentsUnavailable(
                f"No model is configured and `{team.name}` has no recorded replies: set OPENAI_API_KEY.",
                retry_after=None,
            )
        return Replayed(Recorded(_script(team.replay), self._settings.replay_pace))

    async def close(self) -> None:
        """Close the provider's connections."""
        if self._provider is not None:
            await self._provider.close()

    def _open(self, key: str) -> ModelClient:
        if self._provider is None:
            self._provider = Completions(self._settings, key)
        return self._provider


class Replayed:
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
        """Yield the next reply word by word, then its `Answer`."""
        async for piece in self._chat.create_stream(messages, tools=tools, cancellation_token=token):
            if isinstance(piece, str):
                yield piece
                continue
            yield Answer(
                finish="stop",
                calls=[] if isinstance(piece.content, str) else piece.content,
                usage=(piece.usage.prompt_tokens, piece.usage.completion_tokens),
            )


class Recorded(ReplayChatCompletionClient):
    """Replays one script for one run, word by word."""

    component_provider_override = "shared.agents.autogen.clients.Recorded"

    def __init__(self, replies: Sequence[str | CreateResult], pace: float) -> None:
        super().__init__(replies, model_info=ABILITIES)
        self._pace = pace

    async def create_stream(self, *args: Any, **kwargs: Any) -> AsyncGenerator[str | CreateResult]:
        """Yield as the replay client does, with the pauses of a real model."""
        if self._current_index == len(self.chat_completions):
            raise ModelUnavailable("No recorded reply of this team is left.", retry_after=None)
        async for piece in super().create_stream(*args, **kwargs):
            if isinstance(piece, str):
                await asyncio.sleep(self._pace)
            yield piece


class _Call(Struct):
    tool: str
    arguments: dict[str, Any]


class _Reply(Struct, forbid_unknown_fields=True):
    """One recorded reply: text, structured output, or tool calls."""

    text: str | None = None
    data: Any = None
    calls: list[_Call] = []


def _script(path: Path) -> list[str | CreateResult]:
    replies = msgspec.json.decode(path.read_bytes(), type=list[_Reply])
    return [_reply(number, reply) for number, reply in enumerate(replies)]


def _reply(number: int, reply: _Reply) -> str | CreateResult:
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

"""The model clients of the process: one for the provider, or recorded replies where there is none."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal

import msgspec
from autogen_core import CancellationToken, FunctionCall
from autogen_core.models import (
    ChatCompletionClient,
    CreateResult,
    LLMMessage,
    ModelFamily,
    ModelInfo,
    RequestUsage,
)
from autogen_core.tools import Tool, ToolSchema
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient
from msgspec import Struct
from openai import DefaultAsyncHttpxClient
from pydantic import BaseModel

from shared.agents.settings import ModelSettings
from shared.agents.team import Team
from shared.errors import AgentsUnavailable, ModelUnavailable

_ABILITIES = ModelInfo(
    vision=False,
    function_calling=True,
    json_output=True,
    structured_output=True,
    family=ModelFamily.UNKNOWN,
    multiple_system_messages=True,
)
"""Said here, because AutoGen refuses every model that is younger than its own table."""


_opened: ContextVar[list[Any] | None] = ContextVar("annex_model_responses", default=None)


async def _note(response: Any) -> None:
    opened = _opened.get()
    if opened is not None:
        opened.append(response)


class ModelClient(Struct, frozen=True):
    """A client together with what spans and metrics call it."""

    chat: ChatCompletionClient
    model: str
    provider: str

    @property
    def attributes(self) -> dict[str, str]:
        """Attributes by the GenAI conventions."""
        return {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": self.provider,
            "gen_ai.request.model": self.model,
        }

    async def stream(
        self,
        messages: Sequence[LLMMessage],
        tools: Sequence[Tool | ToolSchema],
        tool_choice: Tool | Literal["auto", "required", "none"],
        json_output: bool | type[BaseModel] | None,
        token: CancellationToken | None,
    ) -> AsyncGenerator[str | CreateResult]:
        """Open one streamed call, with the provider's token counts where it has them; closed, it hangs up.

        AutoGen drops a stream that is cancelled between two pieces without closing it, and the connection
        would stay taken; so the responses of this call are noted as they come.
        """
        opened: list[Any] = []
        _opened.set(opened)
        usage: dict[str, Any] = {"include_usage": True} if self.provider == "openai" else {}
        pieces = self.chat.create_stream(
            messages,
            tools=tools,
            tool_choice=tool_choice,
            json_output=json_output,
            cancellation_token=token,
            **usage,
        )
        try:
            async for piece in pieces:
                yield piece
        finally:
            for response in opened:
                await response.aclose()


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
        chat = Recorded(_script(team.replay), self._settings.replay_pace)
        return ModelClient(chat, model="replay", provider="replay")

    async def close(self) -> None:
        """Close the provider's connections."""
        if self._provider is not None:
            await self._provider.chat.close()

    def _open(self, key: str) -> ModelClient:
        if self._provider is None:
            settings = self._settings
            more: dict[str, Any] = {"base_url": settings.base_url} if settings.base_url else {}
            more["http_client"] = DefaultAsyncHttpxClient(event_hooks={"response": [_note]})
            chat = OpenAIChatCompletionClient(
                model=settings.model,
                api_key=key,
                model_info=_ABILITIES,
                timeout=settings.timeout,
                max_retries=settings.retries,
                **more,
            )
            self._provider = ModelClient(chat, model=settings.model, provider="openai")
        return self._provider


class Recorded(ReplayChatCompletionClient):
    """Replays one script for one run, word by word."""

    component_provider_override = "shared.agents.autogen.clients.Recorded"

    def __init__(self, replies: Sequence[str | CreateResult], pace: float) -> None:
        super().__init__(replies, model_info=_ABILITIES)
        self._pace = pace

    async def create_stream(self, *args: Any, **kwargs: Any) -> AsyncGenerator[str | CreateResult]:
        """Yield as the replay client does, with the pauses of a real model."""
        if self._current_index == len(self.chat_completions):
            raise ModelUnavailable("The recorded replies of this team are used up.", retry_after=None)
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

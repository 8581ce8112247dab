"""Models behind the clients that AutoGen ships, for providers other than OpenAI."""

from collections.abc import AsyncGenerator, Sequence

import msgspec
from autogen_core import CancellationToken
from autogen_core.models import ChatCompletionClient, LLMMessage, SystemMessage
from autogen_core.tools import Tool, ToolSchema
from pydantic import BaseModel

from shared.agents.autogen.models.model_client import (
    ABILITIES,
    Finish,
    JsonOutput,
    ModelAnswer,
    Piece,
    ToolChoice,
)
from shared.agents.settings import ModelSettings, NamedModel
from shared.errors import AgentsUnavailable

_FINISHES: dict[str, Finish] = {"length": "length", "content_filter": "content_filter"}
"""Every other reason means that the model itself stopped: AutoGen says `unknown` of what it does not know."""


class ShippedModel:
    """A client of AutoGen, as a model."""

    def __init__(self, named: NamedModel, chat: ChatCompletionClient) -> None:
        self.model = named.model
        self.provider: str = "azure.ai.openai" if named.provider == "azure" else named.provider
        self._chat = chat

    async def close(self) -> None:
        """Close the connections."""
        await self._chat.close()

    async def stream(
        self,
        messages: Sequence[LLMMessage],
        tools: Sequence[Tool | ToolSchema],
        tool_choice: ToolChoice,
        json_output: JsonOutput,
        token: CancellationToken | None,
    ) -> AsyncGenerator[Piece]:
        """Yield what the model sends, then one `ModelAnswer`.

        Raises:
            Exception: whatever the client raises.
        """
        if self.provider == "anthropic" and isinstance(json_output, type):
            messages, json_output = [_demand(json_output), *messages], None
        has_spoken = False
        async for piece in self._chat.create_stream(
            messages, tools=tools, tool_choice=tool_choice, json_output=json_output, cancellation_token=token
        ):
            if isinstance(piece, str):
                has_spoken = has_spoken or bool(piece)
                yield piece
                continue
            if isinstance(piece.content, str) and not has_spoken:
                yield piece.content
            yield ModelAnswer(
                finish=_FINISHES.get(piece.finish_reason, "stop"),
                calls=[] if isinstance(piece.content, str) else piece.content,
                usage=(piece.usage.prompt_tokens, piece.usage.completion_tokens),
            )


def _demand(output: type[BaseModel]) -> SystemMessage:
    """Ask for an answer in words: AutoGen refuses a schema for Anthropic. The run checks what comes."""
    schema = msgspec.json.encode(output.model_json_schema()).decode()
    return SystemMessage(content=f"Answer with one JSON value alone, of this schema: {schema}")


def shipped(named: NamedModel, settings: ModelSettings, key: str) -> ShippedModel:
    """Return a model of Azure or Anthropic.

    Raises:
        AgentsUnavailable: its address or its package is missing.
    """
    if named.provider == "azure":
        return ShippedModel(named, _azure(named.model, settings, key))
    return ShippedModel(named, _anthropic(named.model, settings, key))


def _azure(model: str, settings: ModelSettings, key: str) -> ChatCompletionClient:
    from autogen_ext.models.openai import AzureOpenAIChatCompletionClient

    if settings.azure_endpoint is None:
        raise AgentsUnavailable("No model is configured: set AZURE_OPENAI_ENDPOINT.", retry_after=None)
    return AzureOpenAIChatCompletionClient(
        model=model,
        azure_deployment=model,
        azure_endpoint=settings.azure_endpoint,
        api_key=key,
        api_version=settings.azure_version,
        model_info=ABILITIES,
        timeout=settings.timeout,
        max_retries=settings.retries,
        stream_options={"include_usage": True},
    )


def _anthropic(model: str, settings: ModelSettings, key: str) -> ChatCompletionClient:
    try:
        from autogen_ext.models.anthropic import AnthropicChatCompletionClient
    except ImportError:
        raise AgentsUnavailable(
            "A model of anthropic needs its package: uv add 'autogen-ext[anthropic]'.", retry_after=None
        ) from None
    where = {} if settings.anthropic_base_url is None else {"base_url": settings.anthropic_base_url}
    return AnthropicChatCompletionClient(
        model=model,
        api_key=key,
        model_info=ABILITIES,
        timeout=settings.timeout,
        max_retries=settings.retries,
        **where,  # type: ignore[arg-type]  # a TypedDict of which one member may be absent
    )

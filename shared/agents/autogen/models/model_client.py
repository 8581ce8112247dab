"""What a model sends, whoever provides it: text, reasoning, and one `ModelAnswer` at the end of a call."""

from collections.abc import AsyncGenerator, Sequence
from typing import Literal, Protocol

from autogen_core import CancellationToken, FunctionCall
from autogen_core.models import LLMMessage, ModelFamily, ModelInfo
from autogen_core.tools import Tool, ToolSchema
from msgspec import Struct
from pydantic import BaseModel

type ToolChoice = Tool | Literal["auto", "required", "none"]
type JsonOutput = bool | type[BaseModel] | None
type Finish = Literal["stop", "length", "content_filter", "refusal"]
type Usage = tuple[object, object]
"""Input and output tokens as the provider reports them, which may be missing or wrong."""

ABILITIES = ModelInfo(
    vision=False,
    function_calling=True,
    json_output=True,
    structured_output=True,
    family=ModelFamily.UNKNOWN,
    multiple_system_messages=True,
)
"""Declared here, because AutoGen refuses models that its own table does not list."""


class Thought(Struct, frozen=True):
    """A piece of a model's reasoning."""

    text: str


class ModelAnswer(Struct, frozen=True, kw_only=True):
    """How a call ended.

    Attributes:
        finish: why the model stopped; None when it broke off.
        calls: the tools that it asks for.
        usage: what the provider counted.
    """

    finish: Finish | None
    calls: list[FunctionCall] = []
    usage: Usage = (None, None)


type Piece = str | Thought | ModelAnswer


class ModelClient(Protocol):
    """A model of one provider, shared by all runs.

    Attributes:
        model: its name there.
        provider: as the GenAI conventions call it.
    """

    model: str
    provider: str

    def stream(
        self,
        messages: Sequence[LLMMessage],
        tools: Sequence[Tool | ToolSchema],
        tool_choice: ToolChoice,
        json_output: JsonOutput,
        token: CancellationToken | None,
    ) -> AsyncGenerator[Piece]:
        """Yield what the model sends, then one `ModelAnswer`; closing it closes the connection."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...

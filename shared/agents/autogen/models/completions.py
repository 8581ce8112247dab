"""A model behind OpenAI's chat completions, tolerant of what compatible servers send.

AutoGen's own client loses refusals, mixes reasoning into the text, and reads a missing token count as zero.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Iterator, Sequence
from secrets import token_urlsafe
from typing import Any

import msgspec
from autogen_core import CancellationToken, FunctionCall
from autogen_core.models import (
    AssistantMessage,
    FunctionExecutionResultMessage,
    LLMMessage,
    SystemMessage,
)
from autogen_core.tools import Tool, ToolSchema
from openai import AsyncOpenAI, pydantic_function_tool

from shared.agents.autogen.models.model_client import (
    Finish,
    JsonOutput,
    ModelAnswer,
    Piece,
    Thought,
    ToolChoice,
    Usage,
)
from shared.agents.settings import ModelSettings

_FINISHES: dict[str, Finish] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "prohibited_content": "content_filter",
    "blocklist": "content_filter",
    "refusal": "refusal",
}
"""Every other reason (`stop`, `tool_calls`, `end_turn`, …) means that the model itself stopped."""


class Completions:
    """The provider's model, with connections of its own."""

    provider = "openai"

    def __init__(self, settings: ModelSettings, model: str, key: str) -> None:
        self.model = model
        self._client = AsyncOpenAI(
            api_key=key,
            base_url=settings.base_url,
            timeout=settings.timeout,
            max_retries=settings.retries,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def stream(
        self,
        messages: Sequence[LLMMessage],
        tools: Sequence[Tool | ToolSchema],
        tool_choice: ToolChoice,
        json_output: JsonOutput,
        token: CancellationToken | None,
    ) -> AsyncGenerator[Piece]:
        """Yield what the model sends, then one `ModelAnswer`; closing it closes the connection.

        Raises:
            openai.OpenAIError: the provider refused or failed.
            httpx.HTTPError: the connection broke in the middle of the answer.
        """
        request: dict[str, Any] = {
            "model": self.model,
            "messages": [wire for message in messages for wire in _messages(message)],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if tools:
            request["tools"] = [{"type": "function", "function": _schema(tool)} for tool in tools]
            request["tool_choice"] = _choice(tool_choice)
        if json_output:
            request["response_format"] = _format(json_output)
        chunks = await _linked(self._client.chat.completions.create(**request), token)
        reader = _AnswerReader()
        try:
            while (chunk := await _linked(anext(chunks, None), token)) is not None:
                for piece in reader.take(chunk):
                    yield piece
        finally:
            await chunks.close()
        yield reader.answer()


class _AnswerReader:
    """Assembles the chunks of one answer; missing members and members of a wrong type are ignored."""

    def __init__(self) -> None:
        self._finish: Finish | None = None
        self._usage: Usage = (None, None)
        self._calls: list[FunctionCall] = []
        self._at: dict[object, FunctionCall] = {}

    def take(self, chunk: Any) -> Iterator[Piece]:
        """Yield what a chunk says."""
        if chunk.usage is not None:
            self._usage = (
                getattr(chunk.usage, "prompt_tokens", None),
                getattr(chunk.usage, "completion_tokens", None),
            )
        for choice in (chunk.choices or ())[:1]:
            if isinstance(choice.finish_reason, str) and self._finish != "refusal":
                self._finish = _FINISHES.get(choice.finish_reason.lower(), "stop")
            if choice.delta is not None:
                yield from self._delta(choice.delta)

    def answer(self) -> ModelAnswer:
        """Return how the call ended."""
        seen: set[str] = set()
        for call in self._calls:
            call.id = call.id if call.id and call.id not in seen else f"call_{token_urlsafe(12)}"
            call.name = re.sub(r"[^A-Za-z0-9_-]", "_", call.name)[:64] or "unnamed"
            call.arguments = call.arguments or "{}"
            seen.add(call.id)
        return ModelAnswer(finish=self._finish, calls=self._calls, usage=self._usage)

    def _delta(self, delta: Any) -> Iterator[Piece]:
        extra = delta.model_extra or {}
        thought = extra.get("reasoning_content") or extra.get("reasoning")
        if isinstance(thought, str) and thought:
            yield Thought(thought)
        if isinstance(delta.content, str) and delta.content:
            yield delta.content
        if isinstance(delta.refusal, str) and delta.refusal:
            self._finish = "refusal"
            yield delta.refusal
        for call in delta.tool_calls or ():
            self._call(call)

    def _call(self, delta: Any) -> None:
        call = self._at.get(delta.index)
        if call is None or (
            delta.id and call.id and delta.id != call.id
        ):  # some count every call as the first
            call = self._at[delta.index] = FunctionCall(id="", name="", arguments="")
            self._calls.append(call)
        call.id = call.id or str(delta.id or "")
        if delta.function is not None:
            call.name = call.name or str(delta.function.name or "")
            call.arguments += _text(delta.function.arguments)


def _text(arguments: object) -> str:
    if arguments is None or isinstance(arguments, str):
        return arguments or ""
    return msgspec.json.encode(arguments).decode()


async def _linked[T](waiting: Awaitable[T], token: CancellationToken | None) -> T:
    """Wait for something that `token` may cancel."""
    future = asyncio.ensure_future(waiting)
    if token is not None:
        token.link_future(future)
    return await future


def _messages(message: LLMMessage) -> Iterator[dict[str, Any]]:
    if isinstance(message, SystemMessage):
        yield {"role": "system", "content": message.content}
    elif isinstance(message, FunctionExecutionResultMessage):
        for result in message.content:
            yield {"role": "tool", "tool_call_id": result.call_id, "content": result.content}
    elif isinstance(message, AssistantMessage):
        if isinstance(message.content, str):
            yield {"role": "assistant", "content": message.content}
        else:
            yield {"role": "assistant", "content": message.thought, "tool_calls": _calls(message.content)}
    else:
        content = message.content
        text = content if isinstance(content, str) else "\n".join(str(part) for part in content)
        yield {"role": "user", "content": text, "name": message.source}


def _calls(calls: list[FunctionCall]) -> list[dict[str, Any]]:
    return [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in calls
    ]


def _schema(tool: Tool | ToolSchema) -> ToolSchema:
    return tool.schema if isinstance(tool, Tool) else tool


def _choice(choice: ToolChoice) -> Any:
    return {"type": "function", "function": {"name": choice.name}} if isinstance(choice, Tool) else choice


def _format(output: JsonOutput) -> dict[str, Any]:
    if not isinstance(output, type):
        return {"type": "json_object"}
    schema = pydantic_function_tool(output)["function"].get("parameters")
    return {
        "type": "json_schema",
        "json_schema": {"name": output.__name__, "schema": schema, "strict": True},
    }

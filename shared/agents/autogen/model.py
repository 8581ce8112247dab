"""The model as one run sees it: the door through which every call of every agent must go.

It admits calls within the run's budget and never after the run's end, holds the team back while its reader
is behind, counts tokens, makes the span and the metrics, and lets out no error with the provider's words.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from time import perf_counter
from typing import Any, Literal

import msgspec
from autogen_core import CancellationToken
from autogen_core.models import ChatCompletionClient, CreateResult, LLMMessage, ModelInfo, RequestUsage
from autogen_core.tools import Tool, ToolSchema
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from pydantic import BaseModel, ValidationError

from shared.agents.autogen.clients import ModelClient
from shared.agents.running.run import Run, RunOver
from shared.errors import ModelUnavailable

log = logging.getLogger(__name__)


class RunModel(ChatCompletionClient):
    """Stands between a run's agents and the client that all runs share."""

    component_type = "model"

    def __init__(self, client: ModelClient, run: Run, *, trace_messages: bool) -> None:
        self._client = client
        self._run = run
        self._trace_messages = trace_messages

    async def create_stream(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Tool | ToolSchema] = (),
        tool_choice: Tool | Literal["auto", "required", "none"] = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> AsyncGenerator[str | CreateResult]:
        """Yield text as the model writes it, then the whole result; silence when the run is over.

        Raises:
            ModelUnavailable: the provider failed or broke off; the run ends with it.
        """
        try:
            await self._run.admit_model_call()
        except RunOver:
            yield _SILENCE
            return
        stream = self._client.stream(messages, tools, tool_choice, json_output, cancellation_token)
        span, started = self._begin(messages), perf_counter()
        try:
            async with aclosing(stream):
                async for piece in stream:
                    await self._run.pace()
                    if self._run.halted:
                        raise asyncio.CancelledError  # noqa: TRY301  the framework's own cancellation, late
                    if isinstance(piece, CreateResult):
                        self._account(piece, span)
                        _refuse_broken(piece, json_output)
                    yield piece
        except Exception as error:  # noqa: BLE001  whatever a provider's client raises becomes one noun
            raise self._failure(error, span) from None
        finally:
            self._run.meters.duration.record(perf_counter() - started, self._client.attributes)
            span.end()

    async def create(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Tool | ToolSchema] = (),
        tool_choice: Tool | Literal["auto", "required", "none"] = "auto",
        json_output: bool | type[BaseModel] | None = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> CreateResult:
        """Return what `create_stream` ends with."""
        result = _SILENCE
        async for piece in self.create_stream(
            messages,
            tools=tools,
            tool_choice=tool_choice,
            json_output=json_output,
            cancellation_token=cancellation_token,
        ):
            if isinstance(piece, CreateResult):
                result = piece
        return result

    async def close(self) -> None:
        """Nothing: the client belongs to the process."""

    def actual_usage(self) -> RequestUsage:
        """Return the tokens of the run so far."""
        return self.total_usage()

    def total_usage(self) -> RequestUsage:
        """Return the tokens of the run so far."""
        usage = self._run.usage
        return RequestUsage(prompt_tokens=usage.input_tokens, completion_tokens=usage.output_tokens)

    def count_tokens(self, messages: Sequence[LLMMessage], *, tools: Sequence[Tool | ToolSchema] = ()) -> int:
        """Ask the client."""
        return self._client.chat.count_tokens(messages, tools=tools)

    def remaining_tokens(
        self, messages: Sequence[LLMMessage], *, tools: Sequence[Tool | ToolSchema] = ()
    ) -> int:
        """Return what the run's budget still allows."""
        return max(0, self._run.budget.tokens - self._run.usage.total)

    @property
    def capabilities(self) -> ModelInfo:
        """As `model_info`; AutoGen's older name."""
        return self.model_info

    @property
    def model_info(self) -> ModelInfo:
        """What the model can do."""
        return self._client.chat.model_info

    def _begin(self, messages: Sequence[LLMMessage]) -> Span:
        attributes = self._client.attributes
        span = trace.get_tracer(__name__).start_span(
            f"chat {self._client.model}", kind=SpanKind.CLIENT, attributes=attributes
        )
        if self._trace_messages:
            text = msgspec.json.encode([message.model_dump(mode="json") for message in messages])
            span.set_attribute("gen_ai.input.messages", text.decode())
        return span

    def _account(self, result: CreateResult, span: Span) -> None:
        read, written = result.usage.prompt_tokens, result.usage.completion_tokens
        self._run.spend(read, written)
        for kind, count in (("input", read), ("output", written)):
            self._run.meters.tokens.record(count, {**self._client.attributes, "gen_ai.token.type": kind})
            span.set_attribute(f"gen_ai.usage.{kind}_tokens", count)
        span.set_attribute("gen_ai.response.finish_reasons", [result.finish_reason])
        if self._trace_messages:
            span.set_attribute("gen_ai.output.messages", result.model_dump_json())

    def _failure(self, error: Exception, span: Span) -> ModelUnavailable:
        """Turn what the client raised into the run's ending; only its kind, status and code are told."""
        status, code = getattr(error, "status_code", None), getattr(error, "code", None)
        kind = str(status) if status else type(error).__name__
        span.set_attribute("error.type", kind)
        span.set_status(Status(StatusCode.ERROR))
        log.warning(
            "model call failed",
            extra={"run_id": self._run.id, "model": self._client.model, "error": kind, "provider_code": code},
        )
        failure = _noun(error, status)
        self._run.conclude(failure)
        return failure


_SILENCE = CreateResult(
    finish_reason="stop",
    content="",
    usage=RequestUsage(prompt_tokens=0, completion_tokens=0),
    cached=False,
)
"""What an agent hears when the run is over: it says nothing, and the group chat ends after its turn."""


def _refuse_broken(result: CreateResult, json_output: bool | type[BaseModel] | None) -> None:
    if result.finish_reason == "unknown":
        raise ModelUnavailable("The model broke off in the middle of its answer.")
    if isinstance(json_output, type) and isinstance(result.content, str):
        try:
            json_output.model_validate_json(result.content)
        except ValidationError:  # here, before AutoGen quotes the answer in its own error
            raise _malformed() from None


def _malformed() -> ModelUnavailable:
    return ModelUnavailable("The model's answer does not have the form it was asked for.")


def _noun(error: Exception, status: int | None) -> ModelUnavailable:
    if isinstance(error, ModelUnavailable):
        return error
    if isinstance(error, ValueError):  # the provider's client looks at the form of an answer too
        return _malformed()
    if status is None or status == 429 or status >= 500:
        return ModelUnavailable("The model provider does not answer now; try again.", retry_after=5)
    return ModelUnavailable("The model provider refused the request.", retry_after=None)

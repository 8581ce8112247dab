"""The model client of one run: the only client that the run's agents are given.

It admits calls within the run's budget and never after the run's end, waits while the reader is behind,
counts tokens, makes the span and the metrics, and replaces every error that quotes the provider.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from time import perf_counter
from typing import Any

from autogen_core import CancellationToken
from autogen_core.models import (
    AssistantMessage,
    ChatCompletionClient,
    CreateResult,
    LLMMessage,
    ModelInfo,
    RequestUsage,
    SystemMessage,
)
from autogen_core.tools import Tool, ToolSchema
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from shared.agents.autogen.asides import Asides
from shared.agents.autogen.models.model_call import EMPTY_RESULT, ModelCall
from shared.agents.autogen.models.model_client import ABILITIES, JsonOutput, ModelClient, Piece, ToolChoice
from shared.agents.autogen.models.provider_errors import FILTERED, refuse_misfit, translated
from shared.agents.autogen.models.tokens import plausible, size_of
from shared.agents.autogen.models.told import input_of, output_of
from shared.agents.running.run import RunOver, TeamRun
from shared.errors import ModelUnavailable

log = logging.getLogger(__name__)


class RunModel(ChatCompletionClient):
    """Stands between a run's agents and the client that all runs share."""

    component_type = "model"

    def __init__(
        self,
        client: ModelClient,
        run: TeamRun,
        *,
        trace_messages: bool,
        asides: Asides | None = None,
        past: Sequence[LLMMessage] = (),
    ) -> None:
        self._client = client
        self._run = run
        self._trace_messages = trace_messages
        self._asides = asides if run.reasoning else None
        self._past = past
        self._tools: dict[str, Tool | ToolSchema] = {}

    async def create_stream(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Tool | ToolSchema] = (),
        tool_choice: ToolChoice = "auto",
        json_output: JsonOutput = None,
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
            yield EMPTY_RESULT
            return
        tools = self._offered(messages, tools, tool_choice)
        messages = self._with_past(messages)
        stream = self._client.stream(messages, tools, tool_choice, json_output, cancellation_token)
        call = ModelCall(self._run, self._asides)
        span, started, facts = self._begin(messages), perf_counter(), attributes_of(self._client)
        try:
            async with aclosing(stream), aclosing(self._chunks(stream, call)) as chunks:
                async for chunk in chunks:
                    yield chunk
            result = call.result(lambda: size_of(messages, tools), may_call=tool_choice != "none")
            self._account(result, span)
            refuse_misfit(result, None if call.ending else json_output)
            yield result
        except Exception as error:  # noqa: BLE001  whatever a provider's client raises becomes one noun
            facts["error.type"] = _kind(error)
            if (failure := self._failure(error, span)) is not None:
                raise failure from None
            yield EMPTY_RESULT
        finally:
            self._run.meters.duration.record(perf_counter() - started, facts)
            span.end()

    async def create(
        self,
        messages: Sequence[LLMMessage],
        *,
        tools: Sequence[Tool | ToolSchema] = (),
        tool_choice: ToolChoice = "auto",
        json_output: JsonOutput = None,
        extra_create_args: Mapping[str, Any] | None = None,
        cancellation_token: CancellationToken | None = None,
    ) -> CreateResult:
        """Return what `create_stream` ends with."""
        result = EMPTY_RESULT
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
        """Estimate by size: what a provider counts is known only afterwards."""
        return plausible(None, size_of(messages, tools))

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
        return ABILITIES

    async def _chunks(self, stream: AsyncGenerator[Piece], call: ModelCall) -> AsyncGenerator[str]:
        """Yield the text of a call that the reader gets, at the reader's pace."""
        async for piece in stream:
            await self._run.pace()
            if self._run.halted:
                raise asyncio.CancelledError  # the framework's own cancellation, late
            for chunk in call.take(piece):
                yield chunk
            if call.ending is not None:
                break
        for chunk in call.rest():
            yield chunk

    def _offered(
        self, messages: Sequence[LLMMessage], tools: Sequence[Tool | ToolSchema], choice: ToolChoice
    ) -> Sequence[Tool | ToolSchema]:
        """Return the tools to name in a call.

        AutoGen names none where an agent must answer with text, and a strict provider refuses the results of
        tools that the request does not name: such a call names the tools whose results it contains.
        """
        if choice != "none" or tools:
            self._tools |= {_name(tool): tool for tool in tools}
            return tools
        called = {name for message in messages for name in _called(message)}
        return [tool for name, tool in self._tools.items() if name in called]

    def _with_past(self, messages: Sequence[LLMMessage]) -> Sequence[LLMMessage]:
        """Put the past conversation between the instructions and what the agent sends."""
        start = next((i for i, each in enumerate(messages) if not isinstance(each, SystemMessage)), 0)
        return [*messages[:start], *self._past, *messages[start:]]

    def _begin(self, messages: Sequence[LLMMessage]) -> Span:
        attributes = attributes_of(self._client)
        span = trace.get_tracer(__name__).start_span(
            f"chat {self._client.model}", kind=SpanKind.CLIENT, attributes=attributes
        )
        if self._trace_messages:
            span.set_attribute("gen_ai.input.messages", input_of(messages))
        return span

    def _account(self, result: CreateResult, span: Span) -> None:
        read, written = result.usage.prompt_tokens, result.usage.completion_tokens
        self._run.spend(read, written)
        for kind, count in (("input", read), ("output", written)):
            self._run.meters.tokens.record(count, {**attributes_of(self._client), "gen_ai.token.type": kind})
            span.set_attribute(f"gen_ai.usage.{kind}_tokens", count)
        span.set_attribute("gen_ai.response.finish_reasons", [result.finish_reason])
        if self._trace_messages:
            span.set_attribute("gen_ai.output.messages", output_of(result))

    def _failure(self, error: Exception, span: Span) -> ModelUnavailable | None:
        """Turn what the client raised into the run's ending; only its type, status and code are logged.

        None means that the run is done: the provider's filter took the question.
        """
        status, code = getattr(error, "status_code", None), getattr(error, "code", None)
        kind = _kind(error)
        span.set_attribute("error.type", kind)
        span.set_status(Status(StatusCode.ERROR))
        log.warning(
            "model call failed",
            extra={"run_id": self._run.id, "model": self._client.model, "error": kind, "provider_code": code},
        )
        if code in FILTERED:
            self._run.conclude("content_filter")
            return None
        failure = translated(error, status)
        self._run.conclude(failure)
        return failure


def _name(tool: Tool | ToolSchema) -> str:
    return tool.name if isinstance(tool, Tool) else tool["name"]


def _kind(error: Exception) -> str:
    """Return the provider's status, or else the class."""
    return str(getattr(error, "status_code", None) or type(error).__name__)


def _called(message: LLMMessage) -> list[str]:
    if isinstance(message, AssistantMessage) and isinstance(message.content, list):
        return [call.name for call in message.content]
    return []


def attributes_of(client: ModelClient) -> dict[str, str]:
    """Return what spans and metrics call a model, by the GenAI conventions."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": client.provider,
        "gen_ai.request.model": client.model,
    }

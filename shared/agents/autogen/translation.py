"""AutoGen's messages as events of `shared.agents.events`."""

from collections.abc import Iterator
from functools import singledispatch
from typing import Any

from autogen_agentchat.messages import (
    BaseAgentEvent,
    BaseChatMessage,
    ModelClientStreamingChunkEvent,
    StopMessage,
    StructuredMessage,
    TextMessage,
    ThoughtEvent,
    ToolCallExecutionEvent,
    ToolCallRequestEvent,
    ToolCallSummaryMessage,
)

from shared.agents.events import AgentEvent, AgentMessage, CustomEvent, MessageDelta, ToolCall, ToolResult


@singledispatch
def translate(message: BaseAgentEvent | BaseChatMessage) -> Iterator[AgentEvent]:
    """Yield the events that one message becomes.

    A message that has no event of its own becomes `CustomEvent`, without its content.
    """
    yield CustomEvent(name=type(message).__name__, agent=message.source)


@translate.register
def _delta(message: ModelClientStreamingChunkEvent) -> Iterator[AgentEvent]:
    yield MessageDelta(
        message_id=message.full_message_id or message.id, agent=message.source, text=message.content
    )


@translate.register
def _calls(message: ToolCallRequestEvent) -> Iterator[AgentEvent]:
    for call in message.content:
        yield ToolCall(call_id=call.id, agent=message.source, tool=call.name, arguments=call.arguments)


@translate.register
def _results(message: ToolCallExecutionEvent) -> Iterator[AgentEvent]:
    for result in message.content:
        yield ToolResult(
            call_id=result.call_id,
            agent=message.source,
            tool=result.name,
            text=result.content,
            failed=bool(result.is_error),
        )


@translate.register(StructuredMessage)
def _structured(message: StructuredMessage[Any]) -> Iterator[AgentEvent]:
    yield AgentMessage(
        message_id=message.id,
        agent=message.source,
        text=message.content.model_dump_json(),
        data=message.content.model_dump(mode="json"),
    )


@translate.register(TextMessage)
@translate.register(ToolCallSummaryMessage)
def _text(message: TextMessage | ToolCallSummaryMessage) -> Iterator[AgentEvent]:
    if message.content:  # an empty one is the silence of a run that is over
        yield AgentMessage(message_id=message.id, agent=message.source, text=message.content)


@translate.register
def _before_tools(message: ThoughtEvent) -> Iterator[AgentEvent]:
    """The text that comes with tool calls; it has the id of its deltas."""
    yield AgentMessage(message_id=message.id, agent=message.source, text=message.content)


@translate.register
def _dropped(message: StopMessage) -> Iterator[AgentEvent]:  # noqa: ARG001  chosen by its type
    yield from ()

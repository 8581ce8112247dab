"""What another framework says, held to the bounds of a run."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import Any

import msgspec

from shared.agents.characters import whole
from shared.agents.conversation.lengths import MAX_MESSAGE
from shared.agents.events import (
    AgentEvent,
    AgentMessage,
    CustomEvent,
    MessageDelta,
    Reasoning,
    ReasoningDelta,
    RunDone,
    TokenUsage,
    ToolCall,
    ToolResult,
)
from shared.agents.running.run import TeamRun

_SAID = (MessageDelta, AgentMessage, ReasoningDelta, Reasoning, ToolCall, ToolResult, TokenUsage, CustomEvent)


async def played(events: AsyncIterable[AgentEvent], run: TeamRun) -> AsyncGenerator[AgentEvent]:
    """Yield what a framework says, until it ends or the run does; it is closed in every case.

    A `RunDone` of its own says why it ended. Its `TokenUsage` is that of the run so far.

    Raises:
        TypeError: it sends what is no event, or one that is the run's own to send.
    """
    heard = _Heard(run)
    said = aiter(events)
    try:
        async for event in said:
            if isinstance(event, RunDone):
                run.conclude(event.stop_reason)
                return
            if not isinstance(event, _SAID):
                raise TypeError(
                    f"agents.play got a {type(event).__name__}; yield events of shared.agents: of messages, "
                    "reasoning, tools, usage, custom ones, and a RunDone where the end is not `completed`"
                )
            if heard.is_wanted(event):
                yield heard.bounded(event)
                await run.pace()
            if run.ending is not None:
                return
    finally:
        await close(said)


async def close(events: AsyncIterator[Any] | AsyncIterable[Any]) -> None:
    """Close an iterator that can be closed: a generator, begun or not."""
    if isinstance(events, AsyncGenerator):
        with contextlib.suppress(RuntimeError):  # it goes on in spite of its end; its task is cancelled
            await events.aclose()


class _Heard:
    """Counts what was said, and concludes the run at its limits."""

    def __init__(self, run: TeamRun) -> None:
        self._run = run
        self._left = run.budget.messages
        self._written: dict[str, int] = {}

    def is_wanted(self, event: AgentEvent) -> bool:
        return self._run.reasoning or not isinstance(event, Reasoning | ReasoningDelta)

    def bounded(self, event: AgentEvent) -> AgentEvent:
        """Return the event as the reader gets it."""
        if isinstance(event, TokenUsage):
            return self._spent(event)
        event = msgspec.structs.replace(event, **whole(msgspec.structs.asdict(event)))
        match event:
            case MessageDelta(message_id=key, text=text) | ReasoningDelta(reasoning_id=key, text=text):
                return self._cut(event, text, self._written.get(key, 0), key)
            case AgentMessage(text=text) | Reasoning(text=text):
                self._left -= 1
                if self._left <= 0:
                    self._run.conclude("turn_limit")
                return self._cut(event, text, 0, "")
        return event

    def _cut[T: AgentEvent](self, event: T, text: str, before: int, key: str) -> T:
        if key:
            self._written[key] = before + len(text)
        room = max(0, MAX_MESSAGE - before)
        if len(text) <= room:
            return event
        self._run.conclude("length")
        return msgspec.structs.replace(event, text=text[:room])

    def _spent(self, usage: TokenUsage) -> TokenUsage:
        """Take over the framework's count, which never falls."""
        before = self._run.usage
        self._run.spend(
            max(0, usage.input_tokens - before.input_tokens),
            max(0, usage.output_tokens - before.output_tokens),
        )
        if self._run.usage.total >= self._run.budget.tokens:
            self._run.conclude("token_limit")
        return self._run.usage

"""Events from a model client to the reader, carried by AutoGen's text chunks: it carries nothing else."""

from collections.abc import Iterator
from secrets import token_urlsafe

import msgspec
from autogen_agentchat.messages import BaseAgentEvent, BaseChatMessage, ModelClientStreamingChunkEvent

from shared.agents.autogen.translation import translate
from shared.agents.events import AgentEvent, Reasoning, ReasoningDelta


class Asides:
    """Replaces an event by a random word, and puts it back where the word arrives.

    So the event keeps its place among the other events of its agent.
    """

    def __init__(self) -> None:
        self._events: dict[str, Reasoning | ReasoningDelta] = {}

    def word(self, event: Reasoning | ReasoningDelta) -> str:
        """Return the word that stands for an event."""
        word = token_urlsafe(16)
        self._events[word] = event
        return word

    def translate(self, message: BaseAgentEvent | BaseChatMessage) -> Iterator[AgentEvent]:
        """Yield the events that one message of AutoGen becomes."""
        if isinstance(message, ModelClientStreamingChunkEvent):
            event = self._events.pop(message.content, None)
            if event is not None:
                yield msgspec.structs.replace(event, agent=message.source)
                return
        yield from translate(message)

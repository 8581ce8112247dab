"""What a model's view sends to a reader past AutoGen, which carries nothing but text between the two."""

from collections.abc import Iterator
from secrets import token_urlsafe

import msgspec
from autogen_agentchat.messages import BaseAgentEvent, BaseChatMessage, ModelClientStreamingChunkEvent

from shared.agents.autogen.translation import translate
from shared.agents.events import AgentEvent, Reasoning, ReasoningDelta


class Asides:
    """Hands an event over as a word that no model knows, and takes it back where the word arrives.

    So an event keeps its place among all others of its agent.
    """

    def __init__(self) -> None:
        self._on_the_way: dict[str, Reasoning | ReasoningDelta] = {}

    def word(self, event: Reasoning | ReasoningDelta) -> str:
        """Return the word that stands for an event."""
        word = token_urlsafe(16)
        self._on_the_way[word] = event
        return word

    def translate(self, message: BaseAgentEvent | BaseChatMessage) -> Iterator[AgentEvent]:
        """Yield the events that one message of AutoGen becomes."""
        if isinstance(message, ModelClientStreamingChunkEvent):
            event = self._on_the_way.pop(message.content, None)
            if event is not None:
                yield msgspec.structs.replace(event, agent=message.source)
                return
        yield from translate(message)

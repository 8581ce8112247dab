"""Messages of which the reader has pieces and not yet the whole."""

from collections.abc import Iterator

from shared.agents.events import AgentEvent, AgentMessage, MessageDelta, Reasoning, ReasoningDelta


class UnfinishedMessages:
    """Keeps the pieces of each message until the whole has come."""

    def __init__(self) -> None:
        self._pieces: dict[str, list[MessageDelta | ReasoningDelta]] = {}

    def note(self, event: AgentEvent) -> None:
        """Note an event that the reader gets."""
        match event:
            case MessageDelta(message_id=key) | ReasoningDelta(reasoning_id=key):
                self._pieces.setdefault(key, []).append(event)
            case AgentMessage(message_id=key) | Reasoning(reasoning_id=key):
                self._pieces.pop(key, None)

    def finished(self) -> Iterator[AgentMessage | Reasoning]:
        """Yield each as far as it was written."""
        for key, pieces in self._pieces.items():
            text = "".join(piece.text for piece in pieces)
            if isinstance(pieces[0], MessageDelta):
                yield AgentMessage(message_id=key, agent=pieces[0].agent, text=text)
            else:
                yield Reasoning(reasoning_id=key, agent=pieces[0].agent, text=text)

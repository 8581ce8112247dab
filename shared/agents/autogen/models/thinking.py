"""The text of a model's answer, separated from its reasoning."""

from collections.abc import Iterator

from shared.agents.autogen.models.model_client import Thought
from shared.agents.characters import Characters

_OPEN, _CLOSE = "<think>", "</think>"


class Thinking:
    """Reads one answer piece by piece.

    Some models write their reasoning into the text, between `<think>` and `</think>` at its beginning; a tag
    may come in pieces. Further on the tag is text like any other.
    """

    def __init__(self) -> None:
        self._held = ""
        self._state = "beginning"
        self._after_thought = False
        self._characters = {str: Characters(), Thought: Characters()}

    def feed(self, piece: str | Thought) -> Iterator[str | Thought]:
        """Yield what is certain so far."""
        if isinstance(piece, Thought):
            yield from _some(Thought(self._characters[Thought].feed(piece.text)))
        else:
            self._held += self._characters[str].feed(piece)
            yield from self._separated()

    def end(self) -> Iterator[str | Thought]:
        """Yield the rest."""
        yield from _some(Thought(self._characters[Thought].end()))
        self._held += self._characters[str].end()
        yield from self._separated()
        yield from self._text_left() if self._state != "thinking" else _some(Thought(self._held))

    def _separated(self) -> Iterator[str | Thought]:
        while True:
            if self._state == "text":
                yield from self._text_left()
                return
            if self._state == "beginning":
                start = self._held.lstrip()
                if not start.startswith(_OPEN):
                    if _OPEN.startswith(start):
                        return
                    self._state = "text"
                    continue
                self._state, self._after_thought, self._held = "thinking", True, start[len(_OPEN) :]
            thought, closed, rest = self._held.partition(_CLOSE)
            if not closed:
                kept = next((n for n in range(len(_CLOSE) - 1, 0, -1) if thought.endswith(_CLOSE[:n])), 0)
                certain = len(thought) - kept
                self._held = thought[certain:]
                yield from _some(Thought(thought[:certain]))
                return
            yield from _some(Thought(thought))
            self._state, self._held = "beginning", rest

    def _text_left(self) -> Iterator[str]:
        text, self._held = self._held, ""
        if self._after_thought:
            text = text.lstrip()
            self._after_thought = not text
        if text:
            yield text


def _some(thought: Thought) -> Iterator[Thought]:
    if thought.text:
        yield thought

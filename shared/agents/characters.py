"""Text that UTF-8 can encode: JSON's escapes can write half of a surrogate pair, which UTF-8 cannot."""

import codecs
from typing import Any


class Characters:
    """Reads a text piece by piece: half a character waits for its other half, or is replaced."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-16-le")("replace")

    def feed(self, piece: str) -> str:
        """Return what is whole so far."""
        return self._decoder.decode(piece.encode("utf-16-le", "surrogatepass"))

    def end(self) -> str:
        """Return the rest."""
        return self._decoder.decode(b"", final=True)


def whole(value: Any) -> Any:
    """Return JSON's types with every half of a character replaced."""
    if isinstance(value, str):
        return value if value.isascii() else _whole(value)
    if isinstance(value, list | tuple):
        return [whole(item) for item in value]
    if isinstance(value, dict):
        return {whole(key): whole(item) for key, item in value.items()}
    return value


def _whole(text: str) -> str:
    characters = Characters()
    return characters.feed(text) + characters.end()

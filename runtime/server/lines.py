"""Header fields as they are written.

uvicorn searches every field of every answer for what could end its line. Nearly all of them are the same from
answer to answer, so a field is searched once, and its line remembered.
"""

from functools import lru_cache
from itertools import repeat

from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE

type Field = tuple[bytes, bytes]

REMEMBERED = 1024  # fields; the ones in daily use are a few dozen
LONGEST = 512  # bytes of a value that is remembered: what a caller can choose must not fill the memory
FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection"})
PASSING = frozenset({b"x-request-id", b"traceresponse", b"server-timing"})  # another value in every answer

_NEW = b""  # the line of a field that is not remembered


class Lines:
    """The lines that one server writes."""

    def __init__(self) -> None:
        self._known: dict[Field, bytes] = {}

    def __len__(self) -> int:
        return len(self._known)

    def of(self, fields: list[Field]) -> tuple[list[bytes], list[Field]]:
        """Return the lines, and those of the fields that say how long the answer is or how it ends.

        Raises:
            RuntimeError: one holds what no field may.
        """
        lines = list(map(self._known.get, fields, repeat(_NEW)))
        framing: list[Field] = []
        place = -1
        for _ in range(lines.count(_NEW)):
            place = lines.index(_NEW, place + 1)
            name, value = fields[place]
            lines[place] = self._write(name, value)
            if name.lower() in FRAMING:
                framing.append((name, value))
        return lines, framing

    def _write(self, name: bytes, value: bytes) -> bytes:
        if HEADER_VALUE_RE.search(value):
            raise RuntimeError("Invalid HTTP header value.")
        line = _begun(name) + value + b"\r\n"
        lower = name.lower()
        if len(value) <= LONGEST and lower not in FRAMING and lower not in PASSING:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[name, value] = line
        return line


@lru_cache(REMEMBERED)
def _begun(name: bytes) -> bytes:
    if HEADER_RE.search(name):
        raise RuntimeError("Invalid HTTP header name.")
    return name.lower() + b": "

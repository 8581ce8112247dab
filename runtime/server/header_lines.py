"""Header fields as they are written.

uvicorn checks every field of every response for characters that would end its line. Nearly all fields repeat
from response to response, so a field is checked once and its line cached.
"""

from functools import lru_cache
from itertools import repeat

from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE

type Field = tuple[bytes, bytes]

CACHED_FIELDS = 1024  # the ones in daily use are a few dozen
CACHED_VALUE_LIMIT = 512  # bytes: what a caller can choose must not fill the memory
FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection"})
NEVER_CACHED = frozenset({b"x-request-id", b"traceresponse", b"server-timing"})  # differ in every response

_NEW = b""  # the line of a field that is not cached


class HeaderLines:
    """The header lines that one server writes."""

    def __init__(self) -> None:
        self._known: dict[Field, bytes] = {}

    def __len__(self) -> int:
        return len(self._known)

    def of(self, fields: list[Field]) -> tuple[list[bytes], list[Field]]:
        """Return the lines, and the fields that frame the response: its length, its encoding, its connection.

        Raises:
            RuntimeError: a field holds a character that is not allowed.
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
        line = _prefix(name) + value + b"\r\n"
        lower = name.lower()
        if len(value) <= CACHED_VALUE_LIMIT and lower not in FRAMING and lower not in NEVER_CACHED:
            if len(self._known) >= CACHED_FIELDS:
                self._known.clear()
            self._known[name, value] = line
        return line


@lru_cache(CACHED_FIELDS)
def _prefix(name: bytes) -> bytes:
    if HEADER_RE.search(name):
        raise RuntimeError("Invalid HTTP header name.")
    return name.lower() + b": "

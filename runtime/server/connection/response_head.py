"""The head of a response as it is written, and how its body is framed (RFC 9112, part 6).

The framing fields have one owner, the server: Content-Length is the application's to state and is written
once, Transfer-Encoding and Connection are decided here, whatever the application said of them.
"""

from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus
from itertools import repeat
from re import compile as pattern
from typing import NamedTuple

CACHED_FIELDS = 256  # the ones in daily use are a few dozen; what callers choose must not fill the memory
FRAMING = frozenset({b"connection", b"content-length", b"transfer-encoding"})

_NAME = pattern(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FORBIDDEN = pattern(rb"[\x00-\x08\x0a-\x1f\x7f]")

type Field = tuple[bytes, bytes]

_known: dict[Field, bytes] = {}  # lines: nearly all repeat from response to response


class ResponseHead(NamedTuple):
    """A head, ready to be written.

    Attributes:
        data: status line and fields, with the empty line.
        length: bytes of the body, None where it is chunked or ends with the connection.
        is_chunked: the body goes in chunks.
        keep_alive: the connection serves another request.
    """

    data: bytes
    length: int | None
    is_chunked: bool
    keep_alive: bool


def response_head(
    status: int, fields: Sequence[Field], *, method: str, version: str, keep_alive: bool
) -> ResponseHead:
    """Return the head of a response to a request of this method and version.

    Args:
        status: 200 to 599.
        fields: `Connection: close` among them ends the connection.
        method: of the request.
        version: of the request, `1.1` or `1.0`.
        keep_alive: the connection serves another request, if the application lets it.

    Raises:
        RuntimeError: the status or a field is not valid (RFC 9110, parts 5 and 15).
    """
    try:
        lines = [*map(_known.get, fields, repeat(b""))]
    except TypeError:  # ASGI allows lists of name and value, which no dict knows
        lines = [b""] * len(fields)
    length: int | None = None
    place = -1
    for _ in range(lines.count(b"")):
        place = lines.index(b"", place + 1)
        name, value = fields[place]
        lines[place] = _line(name, value)
        if not lines[place]:
            length, keep_alive = _framed(name.lower(), value, length, keep_alive=keep_alive)
    is_bodiless = status in {204, 304}
    is_chunked = length is None and not is_bodiless and version != "1.0" and method != "HEAD"
    if length is not None and status != 204:
        lines.append(b"content-length: %d\r\n" % length)
    elif is_chunked:
        lines.append(b"transfer-encoding: chunked\r\n")
    if not keep_alive:
        lines.append(b"connection: close\r\n")
    data = b"".join([_status_line(status), *lines, b"\r\n"])
    return ResponseHead(data, 0 if is_bodiless else length, is_chunked, keep_alive)


def _framed(name: bytes, value: bytes, length: int | None, *, keep_alive: bool) -> tuple[int | None, bool]:
    """Return length and keep-alive with what a field of the framing says of them."""
    if name == b"content-length":
        return _length(value, length), keep_alive
    return length, keep_alive and not (name == b"connection" and _closes(value))


def _length(value: bytes, before: int | None) -> int:
    length = int(value) if value.isdigit() else -1
    if length < 0 or (before is not None and before != length):
        raise RuntimeError("Invalid Content-Length of a response.")
    return length


def _closes(value: bytes) -> bool:
    return b"close" in [token.strip() for token in value.lower().split(b",")]


@lru_cache
def _status_line(status: int) -> bytes:
    if not 200 <= status <= 599:  # what callers and proxies would read in ways of their own
        raise RuntimeError("Invalid status of a response.")
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


def _line(name: bytes, value: bytes) -> bytes:
    """Return the line of a field; empty for one of the framing, which is not written as it is given."""
    begun = _begun(name)
    if not value.isalnum() and _FORBIDDEN.search(value):  # an id or a number costs no search
        raise RuntimeError("Invalid value of a response's header field.")
    if not begun:
        return b""
    if len(_known) >= CACHED_FIELDS:
        _known.clear()
    line = _known[name, value] = b"%b%b\r\n" % (begun, value)
    return line


@lru_cache(CACHED_FIELDS)
def _begun(name: bytes) -> bytes:
    """Return how the line of a field begins."""
    if not _NAME.fullmatch(name):
        raise RuntimeError("Invalid name of a response's header field.")
    lower = name.lower()
    return b"" if lower in FRAMING else lower + b": "

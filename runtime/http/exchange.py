"""One request and its answer on a connection, as uvicorn has it, but for how the answer's head is written.

uvicorn searches every header field of every answer for characters that could end a line. Nearly all of ours
are the same from answer to answer, so a field is checked and put together once, and remembered.
"""

from functools import lru_cache
from typing import Any, NamedTuple, cast

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

REMEMBERED = 1024  # fields; the ones in daily use are a few dozen
LONGEST = 512  # bytes of a value that is remembered: what a caller can choose must not fill the memory


class Field(NamedTuple):
    """A header field as it is written.

    Attributes:
        line: with its line end.
        framing: the name where it says how long the answer is, or what becomes of the connection.
    """

    line: bytes
    framing: bytes


FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection"})


class Exchange(RequestResponseCycle):
    """uvicorn's conversation with an application."""

    async def send(self, message: Any) -> None:
        """Write what the application answers.

        Raises:
            RuntimeError: it breaks the protocol (ASGI 3.0), or a header field would end its line.
        """
        if self.response_started or message["type"] != "http.response.start" or self.flow.write_paused:
            await super().send(message)
        elif not self.disconnected:
            head = self._head(message["status"], message.get("headers", ()))
            self.response_started, self.waiting_for_100_continue = True, False
            self.transport.write(head)

    def _head(self, status: int, headers: Any) -> bytes:
        self.chunked_encoding = cast("bool | None", None)
        self.expected_content_length, closes = 0, False
        content = [STATUS_LINE[status]]
        for name, value in (*self.default_headers, *headers):
            line, framing = (field if len(value) <= LONGEST else field.__wrapped__)(name, value)
            content.append(line)
            if framing:
                closes |= self._frame(framing, value.lower())
        if not (self.keep_alive or closes):
            content.append(b"connection: close\r\n")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in {204, 304}:
            self.chunked_encoding = True
            content.append(b"transfer-encoding: chunked\r\n")
        content.append(b"\r\n")
        return b"".join(content)

    def _frame(self, name: bytes, value: bytes) -> bool:
        """Take in what a field says about the answer's length; return whether the connection ends with it."""
        if name == b"content-length" and self.chunked_encoding is None:
            self.expected_content_length = int(value)
            self.chunked_encoding = False
        elif name == b"transfer-encoding" and value == b"chunked":
            self.expected_content_length = 0
            self.chunked_encoding = True
        elif name == b"connection" and b"close" in [token.strip() for token in value.split(b",")]:
            self.keep_alive = False
            return True
        return False


@lru_cache(REMEMBERED)
def field(name: bytes, value: bytes) -> Field:
    """Return how a header field is written.

    Raises:
        RuntimeError: it holds what no field may.
    """
    if HEADER_RE.search(name):
        msg = "Invalid HTTP header name."
        raise RuntimeError(msg)
    if HEADER_VALUE_RE.search(value):
        msg = "Invalid HTTP header value."
        raise RuntimeError(msg)
    name = name.lower()
    return Field(b"%b: %b\r\n" % (name, value), name if name in FRAMING else b"")

"""A drop-in for uvicorn's `RequestResponseCycle` with less work per request.

The head waits for the first piece of the body, as ASGI demands, so that a small response is one write to the
socket. Until then nothing has been sent, and another head can replace it (docs/adr/0098).
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from runtime.server.header_lines import Field
from runtime.server.listener import Listener

COALESCED_BODY = 64 * 1024  # bytes of a body that waits for the outbox; more needs backpressure

UNTIL_CLOSE = float("inf")  # bytes of a body that ends with its connection
UNDECIDED: bool | None = None  # whether the body is chunked
BODILESS = frozenset({204, 304})  # a Content-Length there is of a body that is not sent


class LazyEvent:
    """An `asyncio.Event` that is made when a task waits for it, which for most requests none does."""

    __slots__ = ("_event", "_is_set")

    def __init__(self) -> None:
        self._event: asyncio.Event | None = None
        self._is_set = False

    def set(self) -> None:
        """Let waiting tasks go on, and those that wait later."""
        self._is_set = True
        if self._event is not None:
            self._event.set()

    def clear(self) -> None:
        """Make the next task wait again."""
        self._is_set = False
        if self._event is not None:
            self._event.clear()

    async def wait(self) -> None:
        """Return once it is set."""
        if not self._is_set:
            self._event = self._event or asyncio.Event()
            await self._event.wait()


class Exchange(RequestResponseCycle):
    """One request and its response."""

    logger = logging.getLogger("uvicorn.error")
    # Defaults of nearly every exchange; what differs is set on the instance.
    disconnected = False
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding: bool | None = None
    expected_content_length: float = 0  # type: ignore[assignment]  # or `UNTIL_CLOSE`
    _received = b""
    _head = b""

    def __init__(  # noqa: PLR0913  # uvicorn's arguments, less those that are the same for all
        self,
        *,
        scope: Any,
        transport: asyncio.Transport,
        flow: FlowControl,
        listener: Listener,
        loop: asyncio.AbstractEventLoop,
        default_headers: list[Field],
        expects_continue: bool,
        keep_alive: bool,
        on_response: Callable[[], None],
    ) -> None:
        self.scope = scope
        self.transport = transport
        self.flow = flow
        self._outbox = listener.outbox
        self._lines = listener.header_lines
        self._loop = loop
        self.default_headers = default_headers
        self.waiting_for_100_continue = expects_continue
        self.keep_alive = keep_alive
        self.on_response = on_response
        self.message_event = LazyEvent()  # type: ignore[assignment]  # has the methods of an event

    def take(self, piece: bytes) -> None:
        """Keep a piece of the body until the application reads it."""
        self._received += piece
        if len(self._received) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        self.message_event.set()

    def end(self) -> None:
        """The body is complete."""
        self.more_body = False
        self.message_event.set()

    async def receive(self) -> Any:
        """Return what was received of the body, or a disconnect once the caller has left or was answered."""
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self._outbox.flush()
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            self.flow.resume_reading()
            await self.message_event.wait()
            self.message_event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self._received = self._received, b""
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def send(self, message: Any) -> None:
        """Write a message of the application.

        Raises:
            RuntimeError: it breaks the protocol (ASGI 3.0), or a header field is invalid.
        """
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        kind = message["type"]
        if kind == "http.response.start" and not self.response_started:
            if self.waiting_for_100_continue and self.more_body:
                self.keep_alive = False  # only the caller knows whether a body will follow
            self._head = self._begin(message["status"], message.get("headers", ()))
            self.waiting_for_100_continue = False
        elif kind == "http.response.body" and self._head and not self.response_complete:
            self._write(message.get("body", b""), more=message.get("more_body", False))
        else:
            state = f"begun: {self.response_started}, complete: {self.response_complete}"
            msg = f"Unexpected ASGI message {kind!r} ({state})."
            raise RuntimeError(msg)

    def _begin(self, status: int, headers: Any) -> bytes:
        # May be the second head: nothing of the first response was sent, and this one replaces it.
        self.chunked_encoding, self.expected_content_length = UNDECIDED, 0
        fields = [*self.default_headers, *headers]
        lines, framing = self._lines.of(fields)
        closes = False
        for name, value in framing:
            closes |= self._frame(name.lower(), value.lower())
        if not (self.keep_alive or closes):
            lines.append(b"connection: close\r\n")
        if status in BODILESS:
            self.chunked_encoding, self.expected_content_length = None, 0
        elif self.chunked_encoding is None and self.scope["http_version"] == "1.0":
            self.expected_content_length = (
                UNTIL_CLOSE  # HTTP/1.0 has no chunks; the body ends with the connection
            )
        elif self.chunked_encoding is None and self.scope["method"] != "HEAD":
            self.chunked_encoding = True
            lines.append(b"transfer-encoding: chunked\r\n")
        return b"".join((STATUS_LINE[status], *lines, b"\r\n"))

    def _frame(self, name: bytes, value: bytes) -> bool:
        """Apply a framing field; return whether it closes the connection."""
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

    def _write(self, body: bytes, *, more: bool) -> None:
        head = b"" if self.response_started else self._head
        if self.scope["method"] == "HEAD":
            body = b""
        elif self.chunked_encoding:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
        elif more or len(body) != self.expected_content_length:
            self._count(len(body), more=more)
        self.response_started = True
        if more or len(body) > COALESCED_BODY:
            self._outbox.flush()
            self.transport.write(head)  # `writelines` of CPython 3.12 and 3.13.0 never pauses the writer
            self.transport.write(body)
        else:
            self._outbox.put(self._loop, self.transport, head + body)
        if not more:
            self._complete()

    def _count(self, size: int, *, more: bool) -> None:
        """Compare the body with its Content-Length before this piece is sent."""
        self.expected_content_length -= size
        if self.expected_content_length < 0:
            raise RuntimeError("Response content longer than Content-Length")
        if not more and self.expected_content_length not in {0, UNTIL_CLOSE}:
            raise RuntimeError("Response content shorter than Content-Length")

    def _complete(self) -> None:
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self._outbox.flush()
            self._close()
        self.on_response()

    def _close(self) -> None:
        """Close the connection; while a body arrives only the write side: a reset would lose the response."""
        if self.more_body and self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()

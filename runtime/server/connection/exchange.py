"""One request and its response, as the ASGI application sees them.

The head waits for the first piece of the body, as ASGI demands, so that a small response is one write to the
socket. Until then nothing has been sent, and another head can replace it (docs/adr/0098).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from runtime.asgi.messages import Message, Scope
from runtime.server.connection.response_head import Field, response_head
from runtime.server.connection.writer import COALESCED, Writer

RECEIVE_BUFFER = 64 * 1024  # bytes of a body that nobody reads, before the peer has to wait
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Exchange:
    """The connection writes what the peer does (`feed`, `end`, `disconnect`); all else is the application's.

    Attributes:
        scope: of the request.
        keep_alive: the connection serves another request after this one; counts until the head is sent.
        expects_continue: the peer sends the body only once it is asked for.
        is_running: the application has been started.
        is_started: the head of the response was sent.
        is_complete: the whole response was sent.
        is_disconnected: there is nobody to answer any more.
        is_watched: the application waits for nothing but the peer's leaving.
    """

    __slots__ = (
        "_date",
        "_fed",
        "_has_ended",
        "_has_news",
        "_is_chunked",
        "_method",
        "_news",
        "_on_complete",
        "_owed",
        "_start",
        "_version",
        "_writer",
        "expects_continue",
        "is_complete",
        "is_disconnected",
        "is_running",
        "is_started",
        "is_watched",
        "keep_alive",
        "scope",
    )

    def __init__(
        self,
        scope: Scope,
        writer: Writer,
        *,
        keep_alive: bool,
        expects_continue: bool,
        date: Callable[[], Field],
        on_complete: Callable[[Exchange], None],
    ) -> None:
        """Begin with a request whose body is still to come.

        Args:
            scope: of the request.
            writer: takes the response.
            keep_alive: the connection serves another request after this one.
            expects_continue: the peer sends the body only once it is asked for.
            date: returns the Date field of a response that is sent now.
            on_complete: called once the whole response was sent.
        """
        self.scope = scope
        self.keep_alive = keep_alive
        self.expects_continue = expects_continue
        self.is_running = False
        self.is_started = False
        self.is_complete = False
        self.is_disconnected = False
        self.is_watched = False
        self._writer = writer
        self._date = date
        self._on_complete = on_complete
        self._fed = b""
        self._has_ended = False
        self._has_news = False  # for `receive`
        self._news: asyncio.Event | None = None  # once it waits: most requests have no body
        self._method: str = scope["method"]  # the application may change its scope
        self._version: str = scope["http_version"]
        self._start: Message = {}  # of the response
        self._is_chunked = False
        self._owed: int | None = None  # bytes of the body that Content-Length promises and are not sent yet

    # The peer's side.

    def feed(self, piece: bytes) -> None:
        """Keep a piece of the body until the application reads it."""
        self._fed += piece
        if len(self._fed) > RECEIVE_BUFFER:
            self._writer.pause_reading()
        self._tell()

    def end(self) -> None:
        """The body is complete."""
        self._has_ended = True
        self._tell()

    def disconnect(self) -> None:
        """There is nobody to answer any more."""
        self.is_disconnected = not self.is_complete
        self._tell()

    def ask_peer(self) -> bool:
        """Write what a peer that reads ignores, and one that has closed its socket answers with a reset.

        That is an interim response (RFC 9110, 15.2) before the head, a leading zero of the next chunk's size
        (RFC 9112, 7.1) behind it. A body of a stated length is being written anyway.

        Returns:
            Whether it was possible: HTTP/1.0 has neither.
        """
        if self._version == "1.0":
            return False
        if not self.is_started:
            self._writer.write(CONTINUE)
        elif self._is_chunked:
            self._writer.write(b"0")
        return True

    # The application's side.

    async def receive(self) -> Message:
        """Return what was received of the body, or a disconnect once the caller has left or was answered."""
        if self.expects_continue and not self._writer.is_closing:
            self._writer.write(CONTINUE)
            self.expects_continue = False
        if not (self.is_disconnected or self.is_complete):
            self._writer.resume_reading()
            if not self._has_news:
                await self._wait()
            self._has_news = False
        if self.is_disconnected or self.is_complete:
            return {"type": "http.disconnect"}
        body, self._fed = self._fed, b""
        return {"type": "http.request", "body": body, "more_body": not self._has_ended}

    def _tell(self) -> None:
        self._has_news = True
        if self._news is not None:
            self._news.set()

    async def _wait(self) -> None:
        self._news = self._news or asyncio.Event()
        self._news.clear()
        self.is_watched = self._has_ended
        try:
            await self._news.wait()
        finally:
            self.is_watched = False

    async def send(self, message: Message) -> None:
        """Write a message of the application.

        Raises:
            RuntimeError: it breaks the protocol (ASGI 3.0), or a header field is invalid.
        """
        if self._writer.congestion is not None and not self.is_disconnected:
            await self._writer.congestion.wait()
        if self.is_disconnected:
            return
        kind = message["type"]
        if kind == "http.response.start" and not self.is_started:
            self._start = message  # maybe the second: nothing of the first was sent, and this one replaces it
        elif kind == "http.response.body" and self._start and not self.is_complete:
            self._write(message.get("body", b""), more=message.get("more_body", False))
        else:
            state = f"begun: {self.is_started}, complete: {self.is_complete}"
            msg = f"Unexpected ASGI message {kind!r} ({state})."
            raise RuntimeError(msg)

    def _write(self, body: bytes, *, more: bool) -> None:
        begins = b"" if self.is_started else self._begin()
        body = self._framed(body, more=more)
        self.is_started = True
        if more or len(body) > COALESCED:
            self._writer.write(begins, body)
        else:
            self._writer.put(begins + body)
        if not more:
            self.is_complete = True
            self._tell()
            self._on_complete(self)

    def _begin(self) -> bytes:
        """Return the head, and set how the body is framed."""
        if self.expects_continue and not self._has_ended:
            self.keep_alive = False  # only the caller knows whether a body will follow
        self.expects_continue = False
        head = response_head(
            self._start["status"],
            [self._date(), *self._start.get("headers", ())],
            method=self._method,
            version=self._version,
            keep_alive=self.keep_alive,
        )
        self.keep_alive, self._is_chunked, self._owed = head.keep_alive, head.is_chunked, head.length
        return head.data

    def _framed(self, body: bytes, *, more: bool) -> bytes:
        """Return a piece of the body as it is written, compared with what Content-Length still promises."""
        if self._method == "HEAD":
            return b""
        if self._is_chunked:
            return (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
        if self._owed is not None:
            self._owed -= len(body)
            if self._owed < 0:
                raise RuntimeError("Response content longer than Content-Length")
            if self._owed and not more:
                raise RuntimeError("Response content shorter than Content-Length")
        return body

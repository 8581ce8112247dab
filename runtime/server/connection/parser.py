"""Bytes in, requests out: httptools without its upgrades, and without trailers among the header fields.

httptools stops at a request that asks for an upgrade, and drops its body. A server that does not upgrade has
to answer it as if it had not asked (RFC 9110, 7.8), so such a request is read on with a parser that never
saw the wish.
"""

from typing import Protocol

import httptools

from runtime.asgi.messages import Fields
from runtime.server.connection.host import check_host
from runtime.server.connection.request_head import RequestHead, split
from shared.errors import AnnexError, Malformed

VERSIONS = ("1.1", "1.0")  # httptools accepts others too
FRAMING = (b"content-length", b"transfer-encoding")
UNREADABLE = "The request is not valid HTTP/1.1."


class Receiver(Protocol):
    """Is told of what was parsed, in order; each may raise an `AnnexError` to refuse the request."""

    def on_request(self, head: RequestHead) -> None:
        """Take the head of a request; its body follows."""

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""

    def on_end(self) -> None:
        """Take note that the body is complete; every request has such an end."""


class RequestParser:
    """Parses what one connection receives.

    Attributes:
        in_head: a request has begun, and its head is not complete.
    """

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self.on_body = receiver.on_body  # called by httptools, as the other methods of this form
        self.in_head = False
        self._fields: Fields = []
        self._head: bytes | None = None  # what was received of a head, if nothing stood in front of it
        self._target = b""
        self._hosts: list[bytes] = []
        self._expects_continue = False
        self._upgrading = False  # httptools is about to stop
        self._resuming = False  # it reads the framing of a request again
        self._http = self._new()

    def feed(self, data: bytes) -> None:
        """Parse `data`, and tell the receiver.

        Raises:
            AnnexError: the receiver's; or Malformed where this is not HTTP/1.1. Nothing may be fed after it.
        """
        if not self.in_head:
            self._head = data
        elif self._head is not None:
            self._head += data
        left: bytes | None = data
        try:
            while left is not None:
                left = self._feed(left)
        except httptools.HttpParserError as error:
            cause = error.__context__  # raised by the receiver, or by the methods below
            raise cause if isinstance(cause, AnnexError) else Malformed(UNREADABLE) from None

    def origin(self) -> bytes | None:
        """Return the Origin of the request being read, or else of the last one; None where it names none."""
        return next((value for name, value in [*self._fields, *self._held_back()] if name == b"origin"), None)

    def _held_back(self) -> Fields:
        """Return the field that httptools has read and not passed on yet: it waits for the next one."""
        if not self.in_head or self._head is None:
            return []
        lines = self._head.lstrip(b"\r\n").split(b"\r\n")[1:-1]
        fields = [line.partition(b":") for line in lines[len(self._fields) :][:1]]
        return [(name.lower(), value.strip()) for name, _, value in fields]

    def _feed(self, data: bytes) -> bytes | None:
        """Return what stands behind a head that asks for an upgrade, None if there was none."""
        try:
            self._http.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._resume()
            return data[upgrade.args[0] :]
        return None

    def _resume(self) -> None:
        """Go on behind the head of a request that asked for an upgrade."""
        framing = b"".join(b"%b: %b\r\n" % field for field in self._fields if field[0] in FRAMING)
        self._http = self._new()
        self._upgrading, self._resuming = False, True
        self._http.feed_data(b"POST / HTTP/1.1\r\n" + framing + b"\r\n")
        self._resuming = False

    def _new(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # What follows a last request is dropped with the connection, and no reason to refuse that request.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def on_message_begin(self) -> None:
        """Begin a head."""
        self.in_head = not self._resuming
        if self.in_head:
            self._fields, self._hosts = [], []
            self._target, self._expects_continue = b"", False

    def on_url(self, url: bytes) -> None:
        """Keep a piece of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header field; one after the body (a trailer) is dropped."""
        if self.in_head:
            name, value = name.lower(), value.rstrip()
            if name == b"host":
                self._hosts.append(value)
            elif name == b"expect" and value.lower() == b"100-continue":
                self._expects_continue = True
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Pass the head on."""
        if self._resuming:
            return
        self.in_head = False
        http = self._http
        self._upgrading = http.should_upgrade()
        version = http.get_http_version()
        if version not in VERSIONS:
            raise Malformed(UNREADABLE)
        check_host(version, *self._hosts)
        path, query = split(self._target)
        self._receiver.on_request(
            RequestHead(
                http.get_method().decode("ascii"),
                path,
                query,
                version,
                self._fields,
                version != "1.0" and http.should_keep_alive(),
                self._expects_continue and version != "1.0",
                self._upgrade() if self._upgrading else b"",
            )
        )

    def on_message_complete(self) -> None:
        """Pass the end on, unless the body was only skipped."""
        self._head = None
        if not self._upgrading:
            self._receiver.on_end()

    def _upgrade(self) -> bytes:
        return b", ".join(value.lower() for name, value in self._fields if name == b"upgrade")

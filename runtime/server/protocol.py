"""One HTTP/1.1 connection with limits, of which uvicorn's httptools protocol has none.

httptools accepts a header of any length, and a peer may take any time to send a head, to send a body, or to
read a response. Here each of these has its limit (`ConnectionLimits`), what is not a valid request is
answered with a problem document, and trailers never reach the headers that the application reads. Parsing
and flow control stay uvicorn's.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any, ClassVar, cast
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from runtime.asgi.invocation import REFUSAL_KEY
from runtime.asgi.own_tasks import OwnTask
from runtime.server.exchange import Exchange
from runtime.server.host import check_host
from runtime.server.listener import Listener
from shared.errors import (
    AnnexError,
    HeadersTooLarge,
    Malformed,
    Overloaded,
    RequestTimeout,
    UpgradeRequired,
)

BUSY = float("inf")  # value of _idle_since while a request is in progress
VERSIONS = ("1.1", "1.0")  # the parser accepts others too
NO_WEBSOCKETS = "WebSockets are not supported; use an event stream for answers and POST for messages."
UNREADABLE = "The request is not valid HTTP/1.1."


class Connection(HttpToolsProtocol):
    """A connection of one listener; `protocol` makes the class that uvicorn instantiates."""

    listener: ClassVar[Listener]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._limits = self.listener.limits
        self._surplus = False  # beyond the limit of connections
        self._refused = False  # the last response was sent: what still arrives is dropped
        self._in_head = False
        self._in_body = False
        self._passed_on = False  # the bytes just received completed something
        self._kept = 0  # bytes received since something was completed
        self._exchange: Exchange | None = None  # the latest: uvicorn's `cycle`, which is not always set
        self._ready: Exchange | None = None  # read, but not started yet
        self._hosts: list[bytes] = []  # of the head being read
        self._idle_since = BUSY
        self._heard = 0.0  # when the last byte arrived
        self._body_due = 0.0
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Count the connection; a silent one is treated as idle."""
        super().connection_made(transport)
        here = len(self.connections)
        self._surplus = here > self._limits.connections
        if here > 2 * self._limits.connections:
            self.listener.count("connection_dropped")
            transport.abort()
            return
        self._rest()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers."""
        self._unset_keepalive_if_required()
        for timer in self._timers.values():
            timer.cancel()
        super().connection_lost(exc)

    # What the peer sends.

    def data_received(self, data: bytes) -> None:
        """Parse `data`, within the bytes and the time that an unfinished message may take.

        The application starts once all of it is read: a request that arrived whole is answered in this
        iteration of the loop.
        """
        if self._is_over():
            return
        self._heard, self._idle_since = self.loop.time(), BUSY
        self._passed_on = False
        self._parse(data)
        if not self._is_over():
            self._bound(len(data))
        elif self.transport.is_closing():
            return
        self._launch()

    def _parse(self, data: bytes) -> None:
        """As uvicorn does, without a warning in the log for every client that does not speak HTTP."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # the request is answered without the upgrade
        except httptools.HttpParserError as error:
            cause = error.__context__  # raised by one of the callbacks below
            self._refuse(cause if isinstance(cause, AnnexError) else Malformed(UNREADABLE))

    def _bound(self, size: int) -> None:
        self._kept = 0 if self._passed_on else self._kept + size
        if self._kept > self._limits.head_bytes:
            self._refuse(HeadersTooLarge(f"The header fields exceed {self._limits.head_bytes} bytes."))
        elif self._in_body:
            self._watch_body()
        elif "head" not in self._timers and (self._in_head or not self._passed_on):
            self._start("head", self._limits.head_time, self._head_is_late)

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._in_head = True
        self.url = b""
        self.expect_100_continue = False
        self.headers, self._hosts = [], []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header field without trailing space; one after the body (a trailer) is dropped."""
        if self._in_head:
            name, value = name.lower(), value.rstrip()
            if name == b"host":
                self._hosts.append(value)
            elif name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Pass the request to the application, or a refusal of it to the shell."""
        if len(self.pipeline) >= self._limits.pipelined:
            raise Malformed("Too many pipelined requests on one connection.")
        self._in_head, self._in_body, self._passed_on = False, True, True
        self._stop("head")
        self._body_due = self._heard + self._limits.body_time
        try:
            self._begin()
        except Exception:
            self._in_body = False  # there is no request for a body
            raise
        if self._surplus:
            self.listener.count("too_many_connections")
            refusal = Overloaded("The service has reached its connection limit; try again.")
            cast("dict[str, Any]", self.scope)[REFUSAL_KEY] = refusal
        elif self.parser.should_upgrade() and self._asks_for_websocket():
            cast("dict[str, Any]", self.scope)[REFUSAL_KEY] = UpgradeRequired(NO_WEBSOCKETS)
        if self._surplus or self.listener.winding_down or self.parser.should_upgrade():
            self.cycle.keep_alive = False

    def _asks_for_websocket(self) -> bool:
        return any(name == b"upgrade" and b"websocket" in value.lower() for name, value in self.headers)

    def _begin(self) -> None:
        version = self.parser.get_http_version()
        if version not in VERSIONS:
            raise Malformed(UNREADABLE)
        check_host(version, *self._hosts)
        path, query = split(self.url)
        text = path.decode("ascii")
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme or "http",
            "method": self.parser.get_method().decode("ascii"),
            "root_path": "",
            "path": unquote(text) if "%" in text else text,
            "raw_path": path,
            "query_string": query,
            "headers": self.headers,
            "state": self.app_state.copy(),
        }
        before = self._exchange
        self.cycle = self._exchange = exchange = Exchange(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            listener=self.listener,
            loop=self.loop,
            default_headers=self.server_state.default_headers,
            expects_continue=self.expect_100_continue and version != "1.0",
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._ready = exchange
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, self.app))

    def _launch(self) -> None:
        """Start the application for the request just read, unless it was refused meanwhile."""
        exchange, self._ready = self._ready, None
        if exchange is not None and not exchange.disconnected:
            self._start_asgi_task(exchange, self.app, eager_start=True)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any, *, eager_start: bool = False) -> None:
        """As uvicorn does, but without the loop's task factory, which tracks the tasks of functions."""
        task = OwnTask(cycle.run_asgi(app), loop=self.loop, eager_start=eager_start)
        if not task.done():
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body on."""
        self._passed_on = True
        exchange = self._exchange
        if exchange is not None and not exchange.response_complete:
            exchange.take(body)

    def on_message_complete(self) -> None:
        """The body is complete."""
        self._in_body, self._passed_on = False, True
        self._stop("body")
        exchange = self._exchange
        if exchange is None:
            return
        if not exchange.response_complete:
            exchange.end()
        elif not exchange.keep_alive:
            self.transport.close()  # the response is sent and was the last; only the body was awaited

    # Timeouts.

    def _head_is_late(self) -> None:
        self._stop("head")
        self._refuse(RequestTimeout("The request headers did not arrive in time."))

    def _watch_body(self) -> None:
        if "body" not in self._timers:
            wait = min(self._limits.body_stall, self._body_due - self.loop.time())
            self._start("body", max(wait, 0), self._body_may_be_late)

    def _body_may_be_late(self) -> None:
        self._stop("body")
        now = self.loop.time()
        waits_for_us = self.flow.read_paused or self.cycle.waiting_for_100_continue
        left = min(self._heard + self._limits.body_stall, self._body_due) - now
        if waits_for_us and not self.cycle.response_complete:
            left = self._limits.body_stall  # the function has its own deadline
        if left > 0:
            self._start("body", left, self._body_may_be_late)
        else:
            self._refuse(RequestTimeout("The request body did not arrive in time."))

    def on_response_complete(self) -> None:
        """Go on after a response; a body still arriving has `linger` seconds to end, and is dropped."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            # The next request must not see the context of this one.
            Context().run(self._start_asgi_task, *self.pipeline.pop())
        else:
            self._rest()
        if self._in_body:
            self._body_due = min(self._body_due, self.loop.time() + self._limits.linger)
            self._stop("body")
            self._watch_body()

    def pause_writing(self) -> None:
        """Watch that a peer that reads more slowly than the application writes reads at all."""
        super().pause_writing()
        if "write" not in self._timers:
            self._watch_reader()

    def resume_writing(self) -> None:
        """Stop watching: the peer has caught up."""
        super().resume_writing()
        self._stop("write")

    def _watch_reader(self) -> None:
        waiting = self.transport.get_write_buffer_size()
        self._start("write", self._limits.write_stall, self._reader_may_be_stuck, waiting)

    def _reader_may_be_stuck(self, before: int) -> None:
        if self.transport.get_write_buffer_size() < before:
            self._watch_reader()
            return
        self.listener.count("answer_not_read")
        self.transport.abort()

    def _rest(self) -> None:
        self._idle_since = self.loop.time()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, and abort one whose peer never read its last response.

        One timer for the life of a connection checks whether it is due: a new one after each response would
        cost more than parsing a request.
        """
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if self._is_over():
            return
        if left <= 0:
            self._hang_up()
            return
        self.timeout_keep_alive_task = self.loop.call_later(
            min(left, self.timeout_keep_alive), self.timeout_keep_alive_handler
        )

    # Refusals and early ends.

    def wind_down(self) -> None:
        """Close the connection after the response in progress."""
        cycle = self._exchange
        if cycle is not None and not cycle.response_started:
            cycle.keep_alive = False

    def _refuse(self, error: AnnexError) -> None:
        """Answer with `error` unless a response is in progress, and close the connection in every case."""
        self._refused = True
        cycle = self._exchange
        answered = cycle is None or cycle.response_complete
        if self._in_body and (self.pipeline or answered or self.cycle.response_started):
            self.listener.count(error.code)
            self._hang_up()
        elif not answered and not self._in_body:
            # Complete requests are being answered; only what followed them is refused.
            self.listener.count(error.code)
            self.cycle.keep_alive = False
        else:
            self._answer(error)

    def _answer(self, error: AnnexError) -> None:
        self.listener.outbox.flush()
        self.transport.write(self.listener.refusal(error))
        if self._in_body:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        # Closing with unread bytes would reset the connection and discard the response.
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._start("linger", self._limits.linger, self._hang_up)

    def shutdown(self) -> None:
        """Close the connection if it is idle, else after the response in progress."""
        self.listener.outbox.flush()
        super().shutdown()

    def _hang_up(self) -> None:
        self.listener.outbox.flush()
        self.transport.close()
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def _is_over(self) -> bool:
        return self._refused or self.transport.is_closing()

    def _start(self, name: str, seconds: float, call: Callable[..., None], *arguments: Any) -> None:
        self._stop(name)
        self._timers[name] = self.loop.call_later(seconds, call, *arguments)

    def _stop(self, name: str) -> None:
        if name in self._timers:
            self._timers.pop(name).cancel()


def split(url: bytes) -> tuple[bytes, bytes]:
    """Return path and query of a request's target (RFC 9112, 3.2).

    Raises:
        HttpParserInvalidURLError: it is not valid.
    """
    if url.startswith(b"/") and b"#" not in url:
        path, _, query = url.partition(b"?")
        return path, query
    parsed = httptools.parse_url(url)
    return parsed.path, parsed.query or b""


def protocol(listener: Listener) -> type[Connection]:
    """Return the class of `listener`'s connections, for `uvicorn.Config(http=...)`."""
    return cast("type[Connection]", type("Connection", (Connection,), {"listener": listener}))

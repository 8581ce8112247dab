"""One HTTP/1.1 connection, within limits (`ConnectionLimits`): requests in, responses out, in order.

What is not a valid request is answered with a problem document, and the connection closed. A peer that has
closed its sending half is answered all the same (docs/adr/0111).
"""

import asyncio
from functools import partial
from typing import Any, cast

import uvicorn

from runtime.asgi.invocation import REFUSAL_KEY
from runtime.asgi.messages import header
from runtime.server.connection.exchange import Exchange
from runtime.server.connection.parser import RequestParser
from runtime.server.connection.peer_watch import PeerWatch
from runtime.server.connection.pipeline import Pipeline
from runtime.server.connection.read_limits import ReadLimits
from runtime.server.connection.request_head import RequestHead
from runtime.server.connection.writer import Writer
from runtime.server.listener import Listener
from shared.errors import AnnexError, Internal, Malformed, Overloaded, UpgradeRequired

BUSY = float("inf")  # value of _idle_since while a request is in progress
CUT_SHORT = Malformed("The request ended before it was complete.")
NO_WEBSOCKETS = "WebSockets are not supported; use an event stream for answers and POST for messages."


class Connection(asyncio.Protocol):
    """A connection of one listener; `protocol` returns what makes them."""

    transport: asyncio.Transport

    def __init__(
        self,
        listener: Listener,
        *,
        config: uvicorn.Config,
        server_state: Any,
        app_state: dict[str, Any],
        **_: object,  # uvicorn gives the loop too
    ) -> None:
        """Take uvicorn's arguments.

        Args:
            listener: what all connections share.
            config: of the server.
            server_state: where uvicorn looks for connections, and for the number of requests.
            app_state: of the lifespan; each request gets a copy.
        """
        self.server_state = server_state
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._limits = listener.limits
        self._idle_timeout = config.timeout_keep_alive
        self._app_state = app_state
        self._parser = RequestParser(self)
        self._reads = ReadLimits(self._limits, is_held_up=self._holds_up, on_timeout=self._refuse)
        self._pipeline = Pipeline(
            cast("Any", config.app), listener.tasks, on_unanswered=self._answer_for_application
        )
        self._incoming: Exchange | None = None  # its body is arriving
        self._surplus = False  # beyond the limit of connections
        self._refused = False  # what still arrives is dropped
        self._idle_since = BUSY
        self._closing: asyncio.TimerHandle | None = None  # once idle, or soon after a refusal

    # What the transport calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # of a stream
        """Count the connection; a silent one is treated as idle."""
        self.transport = transport
        self._writer = Writer(
            transport,
            self._listener.outbox,
            stall=self._limits.write_stall,
            on_stall=partial(self._listener.count, "answer_not_read"),
        )
        self._peer = PeerWatch(transport, self._pipeline)
        self._ends = {
            "server": _address(transport.get_extra_info("sockname")),
            "client": _address(transport.get_extra_info("peername")),
            "scheme": "https" if transport.get_extra_info("sslcontext") else "http",
        }
        self.server_state.connections.add(self)
        self._listener.connections.add(self)
        here = len(self._listener.connections)
        self._surplus = here > self._limits.connections
        if here > 2 * self._limits.connections:
            self._listener.count("connection_dropped")
            transport.abort()
            return
        self._idle_since = self._loop.time()
        self._close_in(self._idle_timeout, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the applications, and stop every timer."""
        self.server_state.connections.discard(self)
        self._listener.connections.discard(self)
        self._reads.stop()
        self._peer.stop()
        if self._closing is not None:
            self._closing.cancel()
        self._pipeline.drop()
        self._writer.resume_writing()
        del self._parser  # it refers to this connection

    def data_received(self, data: bytes) -> None:
        """Parse `data`, within the bytes and the time that an unfinished message may take.

        The application starts once all of it is read: a request that arrived whole is answered in this
        iteration of the loop.
        """
        if self._refused or self.transport.is_closing():
            return
        self._idle_since = BUSY
        self._reads.received()
        try:
            self._parser.feed(data)
            self._reads.parsed(len(data), in_head=self._parser.in_head)
        except AnnexError as error:
            self._refuse(error)
        if not self.transport.is_closing():
            self._pipeline.start()

    def eof_received(self) -> bool:
        """Answer what was asked though the peer sends no more; return whether that is still to be done."""
        self._writer.peer_ended()
        if not self._refused and (self._incoming or self._parser.in_head):  # as whoever leaves an upload does
            self._end_with(CUT_SHORT)
        last = self._pipeline.last
        if last is None:
            self._writer.close()
            return False
        last.keep_alive = False
        self._peer.start()
        return True

    def pause_writing(self) -> None:
        """Make the application wait."""
        self._writer.pause_writing()

    def resume_writing(self) -> None:
        """Let it go on."""
        self._writer.resume_writing()

    # What uvicorn and our server call.

    def wind_down(self) -> None:
        """Close the connection after the response in progress, if that response can still say so."""
        last = self._pipeline.last
        if last is not None and not last.is_started:
            last.keep_alive = False

    def shutdown(self) -> None:
        """Close the connection if it is idle, else after the response in progress; not during the overlap."""
        last = self._pipeline.last
        if self._listener.is_overlapping:
            self.wind_down()
        elif last is None:
            self._writer.close()
        else:
            last.keep_alive = False

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self.transport.abort()

    # What the parser calls.

    def on_request(self, head: RequestHead) -> None:
        """Queue a request, with a refusal in its scope where it is not to be served."""
        self._reads.head_ended()
        waiting = self._pipeline.exchanges
        if len(waiting) > self._limits.pipelined:
            raise Malformed("Too many pipelined requests on one connection.")
        scope = head.scope(self._ends)
        scope["state"] = self._app_state.copy()
        refusal = self._refusal(head) if self._surplus or head.upgrade else None
        if refusal is not None:
            scope[REFUSAL_KEY] = refusal
        self._incoming = Exchange(
            scope,
            self._writer,
            keep_alive=head.keep_alive and refusal is None and not self._listener.winding_down,
            expects_continue=head.expects_continue,
            date=self._listener.date,
            on_complete=self._completed,
        )
        if waiting:
            self._writer.pause_reading()
        waiting.append(self._incoming)

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body on, unless nobody will read it."""
        self._reads.body_continued()
        if self._incoming is not None and not self._incoming.is_complete:
            self._incoming.feed(body)

    def on_end(self) -> None:
        """Take note that the body is complete."""
        self._reads.body_ended()
        exchange, self._incoming = self._incoming, None
        if exchange is None:
            return
        exchange.end()
        if exchange.is_complete and not exchange.keep_alive:
            self._writer.close()  # the last response is sent; only the body was awaited

    def _refusal(self, head: RequestHead) -> AnnexError | None:
        if self._surplus:
            self._listener.count("too_many_connections")
            return Overloaded("The service has reached its connection limit; try again.")
        if b"websocket" in head.upgrade:
            return UpgradeRequired(NO_WEBSOCKETS)
        return None

    # How an exchange ends.

    def _completed(self, exchange: Exchange) -> None:
        """Go on after a response; a body still arriving has `linger` seconds to end, and is dropped."""
        self.server_state.total_requests += 1
        self._idle_since = self._loop.time() if len(self._pipeline.exchanges) == 1 else BUSY
        if exchange.keep_alive:
            self._pipeline.advance()
        else:
            self._pipeline.drop()
            self._writer.end() if exchange is self._incoming else self._writer.close()
        if not (self._writer.is_reading or self.transport.is_closing()):
            self._writer.resume_reading()
        if exchange is self._incoming:
            self._reads.linger()

    def _refuse(self, error: AnnexError) -> None:
        """Count a refusal, and end with it."""
        self._listener.count(error.code)
        self._end_with(error)

    def _end_with(self, error: AnnexError) -> None:
        """Answer with `error` unless a response is in progress, and close the connection in every case."""
        self._refused = True
        incoming, first, last = self._incoming, self._pipeline.first, self._pipeline.last
        if incoming is None and last is not None:
            last.keep_alive = False  # complete requests are being answered; what followed them is dropped
        elif incoming is None or (incoming is first and not incoming.is_started):
            self._answer(error, self._parser.origin())
        else:
            self._writer.hang_up()

    def _answer_for_application(self, exchange: Exchange) -> None:
        """Answer 500, or cut a response that has begun: nothing else tells that it is not whole."""
        if exchange.is_started:
            self._writer.close()
        else:
            self._answer(Internal(), header(exchange.scope, b"origin"))

    def _answer(self, error: AnnexError, origin: bytes | None) -> None:
        """Answer with `error`, and close once the peer has had time to read it."""
        self._refused = True
        self._reads.stop()
        self._pipeline.drop()
        self._writer.write(self._listener.problem(error, origin))
        self._writer.resume_reading()
        self._writer.end()
        self._close_in(self._limits.linger, self._writer.hang_up)

    # Timers.

    def _close_in(self, seconds: float, close: Any) -> None:
        if self._closing is not None:
            self._closing.cancel()
        self._closing = self._loop.call_later(seconds, close)

    def _close_if_idle(self) -> None:
        """Close an idle connection, and abort one whose peer never read its last response.

        One timer for the life of a connection checks whether it is due: a new one after each response would
        cost more than parsing a request.
        """
        left = self._idle_since + self._idle_timeout - self._loop.time()
        if left > 0:
            self._close_in(min(left, self._idle_timeout), self._close_if_idle)
        else:
            self._writer.hang_up()

    def _holds_up(self) -> bool:
        """Return whether the body that is arriving waits for the application."""
        exchange = self._incoming
        if exchange is None or exchange.is_complete:
            return False
        return exchange.expects_continue or not self._writer.is_reading


def protocol(listener: Listener) -> type[asyncio.Protocol]:
    """Return what makes the connections of `listener`, for `uvicorn.Config(http=...)`."""
    return cast("type[asyncio.Protocol]", partial(Connection, listener))


def _address(name: object) -> tuple[str, int] | None:
    """Return host and port of a socket's name; None where it has neither, as a Unix socket."""
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else None

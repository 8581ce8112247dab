"""One HTTP/1.1 connection, within limits (`ConnectionLimits`): requests in, exchanges run in order.

What is not a valid request is answered with a problem document, and the connection closed. A peer that has
closed its sending half is answered all the same (docs/adr/0111).
"""

import asyncio
from collections import deque
from contextvars import Context
from functools import partial
from typing import Any, cast

import uvicorn

from runtime.asgi.invocation import REFUSAL_KEY
from runtime.asgi.messages import Fields
from runtime.server.channel import Channel
from runtime.server.exchange import Exchange
from runtime.server.listener import Listener
from runtime.server.parser import RequestParser
from runtime.server.peer_watch import PeerWatch
from runtime.server.read_timeouts import ReadTimeouts
from runtime.server.request_head import RequestHead
from shared.errors import AnnexError, HeadersTooLarge, Internal, Malformed, Overloaded, UpgradeRequired

BUSY = float("inf")  # value of _idle_since while a request is in progress
NO_WEBSOCKETS = "WebSockets are not supported; use an event stream for answers and POST for messages."


class Connection(asyncio.Protocol):
    """A connection of one listener; `protocol` makes what uvicorn calls for each."""

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
            server_state: where uvicorn looks for connections, tasks, and the number of requests.
            app_state: of the lifespan; each request gets a copy.
        """
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._limits = listener.limits
        self._app: Any = config.app
        self._idle_timeout = config.timeout_keep_alive
        self._server = server_state
        self._app_state = app_state
        self._parser = RequestParser(self)
        self._reads = ReadTimeouts(self._limits, is_held_up=self._holds_up, on_timeout=self._refuse)
        self._exchanges: deque[Exchange] = deque()  # the first one runs, the others are queued behind it
        self._incoming: Exchange | None = None  # its body is arriving
        self._surplus = False  # beyond the limit of connections
        self._refused = False  # what still arrives is dropped
        self._progressed = False  # the bytes just received completed something
        self._kept = 0  # bytes received since something was completed
        self._idle_since = BUSY
        self._closing_timer: asyncio.TimerHandle | None = None  # idle, or lingering after a refusal

    # The transport's calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # of a stream
        """Count the connection; a silent one is treated as idle."""
        self.transport = transport
        self._channel = Channel(
            transport,
            self._listener.outbox,
            stall=self._limits.write_stall,
            on_stall=partial(self._listener.count, "answer_not_read"),
        )
        self._peer_watch = PeerWatch(transport, self._exchanges)
        self._addresses = {
            "server": _address(transport.get_extra_info("sockname")),
            "client": _address(transport.get_extra_info("peername")),
            "scheme": "https" if transport.get_extra_info("sslcontext") else "http",
        }
        self._server.connections.add(self)
        here = len(self._server.connections)
        self._surplus = here > self._limits.connections
        if here > 2 * self._limits.connections:
            self._listener.count("connection_dropped")
            transport.abort()
            return
        self._idle_since = self._loop.time()
        self._closing_timer = self._loop.call_later(self._idle_timeout, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the applications, and stop every timer."""
        self._server.connections.discard(self)
        self._reads.stop()
        self._peer_watch.stop()
        if self._closing_timer is not None:
            self._closing_timer.cancel()
        for exchange in self._exchanges:
            exchange.disconnect()
        self._channel.resume_writing()
        del self._parser  # it refers to this connection

    def data_received(self, data: bytes) -> None:
        """Parse `data`, within the bytes and the time that an unfinished message may take.

        The application starts once all of it is read: a request that arrived whole is answered in this
        iteration of the loop.
        """
        if self._refused or self.transport.is_closing():
            return
        self._reads.heard()
        self._idle_since, self._progressed = BUSY, False
        try:
            self._parser.feed(data)
            self._bound(len(data))
        except AnnexError as error:
            self._refuse(error)
        if self._exchanges and not self._exchanges[0].is_running and not self.transport.is_closing():
            self._start(eager=True)

    def eof_received(self) -> bool:
        """Answer what was asked, though the peer sends no more; return whether that is still to be done."""
        self._channel.peer_ended()
        if self.transport.is_closing():
            return False
        if not self._refused and (self._incoming or self._parser.in_head):
            self._refuse(Malformed("The request ended before it was complete."))
        if not self._exchanges:
            self._channel.close()
            return False
        self._exchanges[-1].keep_alive = False
        self._peer_watch.start()
        return True

    def pause_writing(self) -> None:
        """Make the application wait."""
        self._channel.pause_writing()

    def resume_writing(self) -> None:
        """Let it go on."""
        self._channel.resume_writing()

    # What the parser finds.

    def on_request(self, head: RequestHead) -> None:
        """Queue an exchange, with a refusal in its scope where it is not to be served."""
        self._progressed = True
        self._reads.head_ended()
        if len(self._exchanges) > self._limits.pipelined:
            raise Malformed("Too many pipelined requests on one connection.")
        scope = head.scope()
        scope.update(self._addresses, state=self._app_state.copy())
        refusal = self._refusal(head)
        if refusal is not None:
            scope[REFUSAL_KEY] = refusal
        self._incoming = exchange = Exchange(
            scope,
            self._channel,
            keep_alive=head.keep_alive and refusal is None and not self._listener.winding_down,
            expects_continue=head.expects_continue,
            date=self._listener.date,
            completed=self._completed,
        )
        if self._exchanges:
            self._channel.pause_reading()
        self._exchanges.append(exchange)

    def on_body(self, body: bytes) -> None:
        """Pass a piece of the body on, unless nobody will read it."""
        self._progressed = True
        if self._incoming is not None and not self._incoming.is_complete:
            self._incoming.feed(body)

    def on_end(self) -> None:
        """The body is complete."""
        self._progressed = True
        self._reads.stop()
        exchange, self._incoming = self._incoming, None
        if exchange is not None and not exchange.is_complete:
            exchange.end()
        elif exchange is not None and not exchange.keep_alive:
            self.transport.close()  # the response is sent and was the last; only the body was awaited

    def _refusal(self, head: RequestHead) -> AnnexError | None:
        if self._surplus:
            self._listener.count("too_many_connections")
            return Overloaded("The service has reached its connection limit; try again.")
        if head.upgrade is not None and b"websocket" in head.upgrade:
            return UpgradeRequired(NO_WEBSOCKETS)
        return None

    # Running exchanges.

    def _start(self, *, eager: bool) -> None:
        """Run the application for the first exchange.

        The task is not made by the loop's task factory, which tracks the tasks of functions. The next request
        must not see the context of the one before.
        """
        exchange = self._exchanges[0]
        exchange.is_running = True
        context = None if eager else Context()
        task = asyncio.Task(self._run(exchange), loop=self._loop, eager_start=eager, context=context)
        if not task.done():
            self._server.tasks.add(task)
            task.add_done_callback(self._server.tasks.discard)

    async def _run(self, exchange: Exchange) -> None:
        """Run the application; what it leaves unanswered is answered 500, or cut where it had begun."""
        await exchange.run(self._app)
        if exchange.is_complete or exchange.is_disconnected:
            return
        if exchange.is_started:
            self._channel.close()
        else:
            self._answer(Internal(), exchange.scope["headers"])

    def _completed(self) -> None:
        """Go on after a response; a body still arriving has `linger` seconds to end, and is dropped."""
        exchange = self._exchanges.popleft()
        self._server.total_requests += 1
        if self._channel.is_closing:
            return
        if not exchange.keep_alive:
            self._exchanges.clear()
            (self._channel.end if exchange is self._incoming else self._channel.close)()
        elif self._exchanges:
            self._start(eager=False)
        self._idle_since = BUSY if self._exchanges else self._loop.time()
        self._channel.resume_reading()
        if exchange is self._incoming:
            self._reads.linger()

    # Limits.

    def _bound(self, size: int) -> None:
        """Bound what the parser keeps, and the time until it has enough."""
        self._kept = 0 if self._progressed else self._kept + size
        if self._kept > self._limits.head_bytes:
            raise HeadersTooLarge(f"The header fields exceed {self._limits.head_bytes} bytes.")
        if self._incoming is not None:
            self._reads.await_body()
        elif self._parser.in_head or not self._progressed:
            self._reads.await_head()

    def _holds_up(self) -> bool:
        """Return whether the body that is arriving waits for the application."""
        exchange = self._incoming
        if exchange is None or exchange.is_complete:
            return False
        return exchange.expects_continue or not self._channel.is_reading

    def _close_if_idle(self) -> None:
        """Close an idle connection, and abort one whose peer never read its last response.

        One timer for the life of a connection checks whether it is due: a new one after each response would
        cost more than parsing a request.
        """
        left = self._idle_since + self._idle_timeout - self._loop.time()
        if left <= 0:
            self._channel.hang_up()
        else:
            self._closing_timer = self._loop.call_later(min(left, self._idle_timeout), self._close_if_idle)

    # Refusals and early ends.

    def wind_down(self) -> None:
        """Close the connection after the response in progress."""
        if self._exchanges and not self._exchanges[-1].is_started:
            self._exchanges[-1].keep_alive = False

    def shutdown(self) -> None:
        """Close the connection if it is idle, else after the response in progress."""
        if self._exchanges:
            self._exchanges[-1].keep_alive = False
        else:
            self._channel.close()

    def _refuse(self, error: AnnexError) -> None:
        """Answer with `error` unless a response is in progress, and close the connection in every case."""
        self._refused = True
        self._listener.count(error.code)
        if self._incoming is None and self._exchanges:
            # Complete requests are being answered; only what followed them is refused.
            self._exchanges[-1].keep_alive = False
        elif self._incoming is None or self._is_next(self._incoming):
            self._answer(error, self._parser.fields)
        else:
            self._channel.hang_up()

    def _is_next(self, exchange: Exchange) -> bool:
        """Return whether nothing was sent that a response to `exchange` would have to follow."""
        return bool(self._exchanges) and self._exchanges[0] is exchange and not exchange.is_started

    def _answer(self, error: AnnexError, request: Fields) -> None:
        """Answer in place of the application, and close once the peer has had time to read it."""
        self._refused = True
        self._reads.stop()
        self._channel.write(self._listener.problem(error, request))
        for exchange in self._exchanges:
            exchange.disconnect()
        self._exchanges.clear()
        self._channel.resume_reading()
        self._channel.end()
        if self._closing_timer is not None:
            self._closing_timer.cancel()
        self._closing_timer = self._loop.call_later(self._limits.linger, self._channel.hang_up)


def protocol(listener: Listener) -> type[asyncio.Protocol]:
    """Return what makes the connections of `listener`, for `uvicorn.Config(http=...)`."""
    return cast("type[asyncio.Protocol]", partial(Connection, listener))


def _address(name: object) -> tuple[str, int] | None:
    """Return host and port of a socket's name; None where it has neither, as a Unix socket."""
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) else None

"""Server-sent events: a function's `AsyncIterator[Event]` as `text/event-stream`.

Frames are written as they come, by the task that runs the function, so a slow reader slows the function and
an `async with` may span a `yield`. Every stream that is not cut off ends with exactly one terminal event,
`done` or `error`.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextvars import Context
from itertools import count
from typing import Any

import msgspec
from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException
from litestar.response.base import ASGIResponse
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import CallerLeft, Message, Scope, Send, header
from runtime.config import Endpoint
from runtime.routing.calling.answers.endings import END, Done, Failed
from runtime.routing.calling.answers.misfit import LongEvent, Misfit
from runtime.routing.calling.exits import EXITS, Interrupted, refused
from runtime.routing.calling.refusals import refusal_of
from runtime.telemetry import record_exception
from shared.errors import (
    AnnexError,
    DeadlineExceeded,
    FunctionStalled,
    Internal,
    ShuttingDown,
    Unavailable,
)
from shared.events import Event

logger = logging.getLogger(__name__)

HEARTBEAT = 15.0  # seconds without an event after which a comment keeps proxies from hanging up
MAX_EVENT = 1_048_576  # bytes of one event as it is sent; the typed client refuses a longer one
DRAIN = "drain"  # key in `app.state` of the event that is set when the service shuts down

HEADERS = {
    # A proxy that compresses would collect events first; Next.js is one.
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",  # keeps nginx from collecting
}


def event_stream(
    iterator: AsyncIterator[Any],
    endpoint: Endpoint,
    *,
    fit: Callable[[Any], Any] = lambda event: event,
    encode: Callable[[Any], bytes] = msgspec.json.encode,
    heartbeat: float = HEARTBEAT,
) -> Response[Any]:
    """Answer with the events of `iterator`.

    Args:
        iterator: gives `Event`s; closed at the end, however it comes. Its `first_id`, where it has one, is
            the id of its first event: a stream that is taken up again counts on. Its `wire`, where it has
            one, is another format: it has `headers`, `frames(event)` and `end`. Its `is_absent`, where it
            has one, says that there is nothing to read: that is 204.
        endpoint: the route that answers, for the log.
        fit: returns what of an event may leave, or raises.
        encode: writes that as JSON, or raises.
        heartbeat: seconds of silence before a comment is sent.
    """
    if getattr(iterator, "is_absent", False):
        return Response(None, status_code=204)
    return EventStream(iterator, endpoint, fit, encode, heartbeat)


class EventStream(Response[bytes]):
    """The response that a handler returns; it becomes a `_Stream` for the request at hand."""

    def __init__(
        self,
        iterator: AsyncIterator[Any],
        endpoint: Endpoint,
        fit: Callable[[Any], Any],
        encode: Callable[[Any], bytes],
        heartbeat: float,
    ) -> None:
        wire = getattr(iterator, "wire", None)
        headers = {**HEADERS, **wire.headers} if wire else HEADERS
        super().__init__(content=b"", media_type="text/event-stream", headers=headers)
        self.iterator = iterator
        self.endpoint = endpoint
        self.fit = fit
        self.encode = encode
        self.heartbeat = heartbeat

    def to_asgi_response(
        self,
        app: Litestar | None,  # noqa: ARG002  # the framework's signature
        request: Request[Any, Any, Any],  # noqa: ARG002  # likewise
        **options: Any,
    ) -> ASGIResponse:
        """Return the ASGI application that writes the stream."""
        return _Stream(self, status=options.get("status_code"), headers=options.get("headers") or {})


class _Stream(ASGIResponse):
    """One stream being written.

    Attributes:
        stopped: why it is ended from outside, None while it is not.
    """

    def __init__(self, response: EventStream, *, status: int | None, headers: dict[str, str]) -> None:
        super().__init__(
            headers={**headers, **response.headers},
            media_type=response.media_type,
            status_code=response.status_code or status,
        )
        self.headers.pop("content-length", None)  # which it takes for that of an empty body
        self._iterator = response.iterator
        self._endpoint = response.endpoint
        self._fit = response.fit
        self._encode = response.encode
        self._heartbeat = response.heartbeat
        self._ids = count(getattr(response.iterator, "first_id", 1))  # one that is taken up again goes on
        self._wire = getattr(response.iterator, "wire", None)
        self._quiet_since = 0.0
        self._send: Send = _nowhere
        self.stopped: AnnexError | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002  # the gate reads it
        """Write head, events, terminal event."""
        invocation: Invocation = scope[SCOPE_KEY]
        self._send = send
        ending = b""
        try:
            await self.start_response(send)
            if invocation.method != "HEAD":
                # Some proxies hold the head back until a byte of the body comes.
                await self._write(b": open\n\n")
                last = await self._run(scope, invocation)
                await self._event(last)
                if self._wire:
                    await self._write(self._wire.end)
                elif _name(last) == "done" and header(scope, b"accept") == b"text/event-stream":
                    ending = END
            await send({"type": "http.response.body", "body": ending, "more_body": False})
        finally:
            await self._close()

    async def _run(self, scope: Scope, invocation: Invocation) -> Event:
        """Write every event of the function; return the terminal one."""
        try:
            async with asyncio.timeout_at(invocation.deadline) as limit:
                drain = scope["litestar_app"].state.get(DRAIN)
                # In a clean context: it is not the function's, so nobody asks whether it was left behind.
                ticker = asyncio.create_task(self._tick(limit, drain), context=Context())
                try:
                    return await self._events()
                finally:
                    ticker.cancel()
        except CallerLeft:
            raise
        except (Exception, *EXITS) as error:  # noqa: BLE001  # a stream that has begun has no other way to report it
            ended = self.stopped or DeadlineExceeded()
            return self._failed(ended if limit.expired() else error, invocation)

    async def _events(self) -> Event:
        async for given in self._iterator:
            event = self._fit(given)
            if _name(event) in {"done", "error"}:
                last: Event = event  # the function's own last word
                if not self._wire:
                    self._frame(0, last)  # one that cannot be sent ends the stream as any other failure does
                return last
            await self._event(event)
            await asyncio.sleep(0)  # a function that never waits must not keep the loop from everybody else
        return Done()

    async def _event(self, event: Any) -> None:
        if self._wire:
            await self._write(self._wire.frames(event))
            return
        await self._write(self._frame(next(self._ids), event))

    def _frame(self, number: int, event: Any) -> bytes:
        frame = b"id: %d\nevent: %s\ndata: %s\n\n" % (number, _name(event).encode(), self._encode(event))
        if len(frame) > MAX_EVENT:
            raise LongEvent(self._endpoint.file, len(frame), MAX_EVENT)
        return frame

    async def _write(self, frame: bytes) -> None:
        self._quiet_since = asyncio.get_running_loop().time()
        await self._send({"type": "http.response.body", "body": frame, "more_body": True})

    async def _tick(self, limit: asyncio.Timeout, drain: asyncio.Event | None) -> None:
        """Send heartbeats while nothing else is; end the stream when the service shuts down."""
        loop = asyncio.get_running_loop()
        drain = drain or asyncio.Event()
        while True:
            due = self._quiet_since + self._heartbeat
            try:
                async with asyncio.timeout_at(due):
                    await drain.wait()
            except TimeoutError:
                if self._quiet_since + self._heartbeat <= loop.time():
                    await self._write(b": heartbeat\n\n")
                continue
            self.stopped = ShuttingDown()
            limit.reschedule(loop.time())
            return

    def _failed(self, error: BaseException, invocation: Invocation) -> Failed:
        if isinstance(error, HTTPException):
            error = refusal_of(error) or error
        elif isinstance(error, Interrupted):
            error = refused(error)
        noun = error if isinstance(error, AnnexError) else Internal()
        invocation.error = noun.code if noun is error else type(error).__qualname__
        if isinstance(noun, Misfit):
            logger.error(noun.log_text, extra={"function": self._endpoint.file})
        elif isinstance(noun, Internal):
            logger.error("unhandled exception", exc_info=error, extra={"function": self._endpoint.file})
        if isinstance(noun, Internal | Unavailable | DeadlineExceeded | FunctionStalled):
            # The status was 200 long ago; only the span can still record it.
            record_exception(error)
            span = trace.get_current_span()
            span.set_status(StatusCode.ERROR)
            span.set_attribute("error.type", invocation.error)
        return Failed(code=noun.code, detail=noun.detail, request_id=invocation.request_id)

    async def _close(self) -> None:
        """Let the function's `finally` run now, not when the garbage collector comes by."""
        close = getattr(self._iterator, "aclose", None)
        if close is not None:
            try:
                await close()
            except (Exception, *EXITS) as error:  # the stream has already been sent its terminal event
                logger.warning("closing a stream failed", exc_info=error)


async def _nowhere(_: Message) -> None:
    """Where a stream writes before it is called."""


def _name(event: Any) -> str:
    """Return the event's name on the wire: its struct's tag."""
    config = getattr(type(event), "__struct_config__", None)
    return str(config.tag) if config is not None and config.tag is not None else "message"

"""The calls of an isolated function, one after the other, as the worker orders them."""

import asyncio
import contextlib
import functools
import inspect
import logging
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from contextvars import Context
from typing import Any, NoReturn

from msgspec.structs import replace
from opentelemetry.context import Context as TraceContext
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    Tracer,
    TraceState,
    set_span_in_context,
    use_span,
)

from runtime.asgi.invocation import SCOPE_KEY, Invocation, current
from runtime.asgi.messages import ASGIApp, Message, Receive, Scope, Send
from runtime.gate.leftovers import Reaper
from runtime.http.errors import Errors
from runtime.routing.calling.adapter import Adapter
from runtime.routing.calling.answers.streams import DRAIN
from runtime.routing.calling.isolated.frames import Framed
from runtime.routing.calling.isolated.wire import (
    OUT_OF_MEMORY,
    BodyPiece,
    CallOrder,
    CallOver,
    CancelOrder,
    DrainOrder,
    message_bytes,
    order_of,
    user_of,
)
from runtime.routing.operation import Operation

logger = logging.getLogger(__name__)

PIECE = 1 << 18  # bytes of a body in one message


class Calls:
    """Serves the calls of one operation.

    Args:
        operation: what is called.
        app: stands in the scope; its state has what the function may ask for.
        tracer: makes a span for each call.
        reaper: ends the tasks that a call leaves behind.
    """

    def __init__(self, operation: Operation, app: Any, tracer: Tracer, reaper: Reaper) -> None:
        self._endpoint = operation.endpoint
        self._state_of = app
        self._tracer = tracer
        self._reaper = reaper
        self._app = Errors(_ending_without_memory(Adapter(_bounded(operation))))
        self._call: asyncio.Task[None] | None = None
        self._last: BodyPiece | None = None  # not yet written: the end of its call may come at once
        self._is_in_first_step = False
        self._left = asyncio.Event()
        self._worker = Framed(self._take, self._left.set)

    async def serve(self, connection: socket.socket) -> None:
        """Follow the worker's orders until it closes the connection."""
        loop = asyncio.get_running_loop()
        connection.setblocking(False)  # noqa: FBT003  # a positional signature
        await loop.create_unix_connection(lambda: self._worker, sock=connection)
        await self._left.wait()
        if self._call is not None:
            self._call.cancel()
            await asyncio.wait({self._call})

    def _take(self, message: bytes) -> None:
        match order_of(message):
            case CallOrder() as order:
                answer = self._answer(order)
                # At once, and not by the loop's factory, which would count it among what a function leaves.
                loop = asyncio.get_running_loop()
                self._is_in_first_step = True
                self._call = asyncio.Task(answer, loop=loop, eager_start=True, context=Context())
                self._is_in_first_step = False
                self._flush()
            case CancelOrder() if self._call is not None:
                self._call.cancel()
            case DrainOrder():
                self._state_of.state[DRAIN].set()
            case _:
                pass

    async def _answer(self, order: CallOrder) -> None:
        invocation = self._invocation(order)
        current.set(invocation)
        app = self._state_of
        scope = {**order.scope, "state": {}, "app": app, "litestar_app": app, SCOPE_KEY: invocation}
        is_cut = False
        try:
            with self._span(order):
                await self._app(scope, _once(order.body), self._sender(invocation))
        except asyncio.CancelledError:
            is_cut = True
        except Exception:
            logger.exception("an error after the answer had begun")
            is_cut = True
        finally:
            self._reaper.release(invocation)
        last, self._last = self._last, None
        await self._tell(CallOver(invocation.error, is_cut, last))

    def _span(self, order: CallOrder) -> AbstractContextManager[Any]:
        """Return what makes a span current: one below the worker's, or that one where nobody takes any."""
        above = _above(order)
        if not above.get_span_context().trace_flags.sampled:
            return use_span(above)
        return self._tracer.start_as_current_span(
            f"isolated {self._endpoint.method} {self._endpoint.template}",
            set_span_in_context(above, TraceContext()),
            attributes={"process.pid": os.getpid()},
            record_exception=False,
        )

    def _invocation(self, order: CallOrder) -> Invocation:
        invocation = Invocation(
            request_id=order.request_id,
            client=order.client,
            method=order.method,
            started=time.perf_counter(),
        )
        invocation.deadline = asyncio.get_running_loop().time() + order.seconds
        invocation.content_length = len(order.body)
        invocation.endpoint = self._endpoint
        invocation.user = user_of(order)
        invocation.tasks = set()
        return invocation

    def _sender(self, invocation: Invocation) -> Send:
        head: Message | None = None

        async def send(message: Message) -> None:
            nonlocal head
            if message["type"] == "http.response.start":
                head = message
                return
            status, headers = (head["status"], [*head["headers"]]) if head else (0, [])
            head = None
            invocation.status = invocation.status or status
            more = bool(message.get("more_body"))
            *pieces, last = _pieces(message.get("body", b""))
            for piece in pieces:
                await self._tell(BodyPiece(status, headers, piece, True, invocation.is_public))  # noqa: FBT003  # more
                status, headers = 0, []
            report = BodyPiece(status, headers, last, more, invocation.is_public)
            if more:
                await self._tell(report)
                return
            # With the end of the call, if it comes at once: else the caller could be back before it.
            self._last = report
            if not self._is_in_first_step:
                asyncio.get_running_loop().call_soon(self._flush)

        return send

    async def _tell(self, report: BodyPiece | CallOver) -> None:
        self._worker.send(message_bytes(report))
        await self._worker.drained()

    def _flush(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            self._worker.send(message_bytes(last))


def _pieces(body: bytes) -> list[bytes]:
    """Cut a body, so that the worker never holds much of it."""
    return [bytes(body[at : at + PIECE]) for at in range(0, len(body), PIECE)] or [b""]


def _ending_without_memory(app: ASGIApp) -> ASGIApp:
    """End the process where the function runs out of memory: what is left of it is in no known state."""

    async def ended(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except MemoryError as error:
            _end(error)

    return ended


def _bounded(operation: Operation) -> Operation:
    """Do the same for a generator, whose errors its stream would take for the function's own."""
    function = operation.function
    if not inspect.isasyncgenfunction(function):
        return operation

    @functools.wraps(function)
    async def bounded(**arguments: Any) -> AsyncIterator[Any]:
        try:
            async with contextlib.aclosing(function(**arguments)) as events:
                async for event in events:
                    yield event
        except MemoryError as error:
            _end(error)

    return replace(operation, function=bounded)


def _end(error: MemoryError) -> NoReturn:
    try:
        logger.error("out of memory", exc_info=error)
    finally:
        os._exit(OUT_OF_MEMORY)


def _above(order: CallOrder) -> NonRecordingSpan:
    """Return the worker's span."""
    trace_id, span_id, flags, state = order.trace
    return NonRecordingSpan(
        SpanContext(
            int.from_bytes(trace_id),
            int.from_bytes(span_id),
            is_remote=True,
            trace_flags=TraceFlags(flags),
            trace_state=TraceState(state),
        )
    )


def _once(body: bytes) -> Receive:
    """Give the body, then nothing: the worker cancels the call when its caller leaves."""
    given: list[bytes] = [body]

    async def receive() -> Message:
        if not given:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": given.pop(), "more_body": False}

    return receive

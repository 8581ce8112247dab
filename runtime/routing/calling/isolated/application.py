"""An isolated function as an ASGI application: its call is made in another process and relayed.

Router and gate are this worker's. What reads the arguments, calls the function and writes its answer runs
there, so that nothing of the file's own code, a struct's `__post_init__` included, runs here in a call.
"""

import asyncio
import contextlib
import inspect
import logging
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from contextvars import Context
from typing import cast

import msgspec
from opentelemetry import trace

from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import CallerLeft, Receive, Scope, Send
from runtime.routing.calling.answers.endings import Failed
from runtime.routing.calling.answers.streams import DRAIN
from runtime.routing.calling.isolated.child import IsolatedProcess
from runtime.routing.calling.isolated.pool import IsolatedProcesses
from runtime.routing.calling.isolated.wire import (
    OUT_OF_MEMORY,
    BodyPiece,
    CallOrder,
    CallOver,
    CancelOrder,
    DrainOrder,
    IsolatedFunction,
    NotLoaded,
    PlainScope,
    user_bytes,
)
from runtime.routing.operation import Operation
from shared.errors import (
    AnnexError,
    DeadlineExceeded,
    FunctionCrashed,
    FunctionUnavailable,
    Internal,
    OutOfMemory,
)

logger = logging.getLogger(__name__)

ISOLATED = "isolated"  # key in `app.state` of the processes
GRACE = 0.5  # seconds that a cancelled call has to clean up before its process is killed
STREAM_GRACE = 1.0  # seconds after its deadline in which a stream sends its last event
SCOPE = tuple(PlainScope.__annotations__)


class IsolatedAdapter:
    """What the router calls for an isolated operation, in place of its adapter.

    Args:
        operation: must be free of faults.
    """

    def __init__(self, operation: Operation) -> None:
        function = operation.function
        self._function = IsolatedFunction(operation.endpoint, operation.segments, operation.text)
        self._is_stream = operation.event is not None
        # A `def` is not stopped by a cancellation, so there is nothing to wait for.
        self._can_cancel = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            Overloaded: no process came free in time.
            OutOfMemory: the function needed more than it may take.
            FunctionCrashed: its process ended.
            FunctionUnavailable: its file cannot be run there.
        """
        invocation: Invocation = scope[SCOPE_KEY]
        body = await _whole(receive)
        processes: IsolatedProcesses = scope["app"].state[ISOLATED]
        deadline = invocation.deadline or 0.0
        child = await processes.borrow(self._function, deadline)
        relay = _Relay(child, invocation, send)
        invocation.has_begun = True  # what the adapter notes of a call in this process
        child.begin(_order(scope, invocation, body, deadline - asyncio.get_running_loop().time()))
        try:
            if not self._is_stream:
                await relay.run()
            else:  # which ends itself, with an event; the gate ends all other calls
                async with _stopped_by_drain(child, scope), asyncio.timeout_at(deadline + STREAM_GRACE):
                    await relay.run()
        except asyncio.CancelledError:
            await self._stop(child, relay)
            raise
        except TimeoutError:
            child.kill()
            await self._fail(relay, DeadlineExceeded())
        except _Gone as gone:
            await self._fail(relay, gone.noun)
        finally:
            processes.give_back(child)

    async def _stop(self, child: IsolatedProcess, relay: "_Relay") -> None:
        """Cancel the call, and kill its process where that does not end it."""
        if self._can_cancel:
            child.tell(CancelOrder())
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await relay.drop()
        if child.is_busy:
            child.kill()

    async def _fail(self, relay: "_Relay", error: AnnexError) -> None:
        """Raise `error`; a stream that has begun ends with it instead."""
        if not (self._is_stream and relay.has_begun):
            raise error
        relay.invocation.error = error.code
        last = Failed(code=error.code, detail=error.detail, request_id=relay.invocation.request_id)
        frame = b"event: error\ndata: %s\n\n" % msgspec.json.encode(last)
        await relay.send({"type": "http.response.body", "body": frame, "more_body": False})


@contextlib.asynccontextmanager
async def _stopped_by_drain(child: IsolatedProcess, scope: Scope) -> AsyncIterator[None]:
    """Tell the process when the service stops."""
    drain: asyncio.Event = scope["app"].state.get(DRAIN) or asyncio.Event()

    async def tell() -> None:
        await drain.wait()
        child.tell(DrainOrder())

    telling = asyncio.create_task(tell(), context=Context())  # no task of the function's
    try:
        yield
    finally:
        telling.cancel()


class _Gone(Exception):
    """The process ended during the call.

    Attributes:
        noun: what the caller is told.
    """

    def __init__(self, noun: AnnexError) -> None:
        super().__init__()
        self.noun = noun


class _Relay:
    """Passes on what a process answers.

    Attributes:
        has_begun: the head was passed on.
    """

    def __init__(self, child: IsolatedProcess, invocation: Invocation, send: Send) -> None:
        self.invocation = invocation
        self.send = send
        self.has_begun = False
        self._child = child

    async def run(self) -> None:
        """Return once the call is over."""
        while True:
            match await self._child.hear():
                case BodyPiece() as piece:
                    await self._pass_on(piece)
                case CallOver(error, is_cut, last):
                    if last is not None:
                        await self._pass_on(last)
                    self.invocation.error = error or self.invocation.error
                    if is_cut:
                        raise Internal
                    return
                case NotLoaded(error_id):
                    raise FunctionUnavailable(error_id)
                case None:
                    raise _Gone(self._end_of(await self._child.status()))

    async def drop(self) -> None:
        """Return once the call is over, and pass on nothing."""
        while not isinstance(await self._child.hear(), CallOver | None):
            pass

    async def _pass_on(self, piece: BodyPiece) -> None:
        self.invocation.is_public = piece.is_public
        if piece.status:
            head = {"type": "http.response.start", "status": piece.status, "headers": piece.headers}
            await self.send(head)
            self.has_begun = True
        await self.send({"type": "http.response.body", "body": piece.body, "more_body": piece.more})

    def _end_of(self, status: int | None) -> AnnexError:
        """Log how the process ended, and return what that means."""
        code = None if status is None else os.waitstatus_to_exitcode(status)
        file = self.invocation.endpoint.file if self.invocation.endpoint else ""
        if code == OUT_OF_MEMORY:
            logger.error("an isolated call ran out of memory", extra={"function": file})
            return OutOfMemory()
        if code == -signal.SIGKILL and not self._child.killed:
            text = "an isolated call was killed from outside, as the kernel does when memory runs out"
            logger.error(text, extra={"function": file})
            return OutOfMemory()
        logger.error("an isolated call ended its process: %s", _spelt(code), extra={"function": file})
        return FunctionCrashed()


def _spelt(code: int | None) -> str:
    if code is None:
        return "how is not known"
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"


async def _whole(receive: Receive) -> bytes:
    """Return the body, which the gate has bounded; a slow caller must not hold a process meanwhile."""
    pieces = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise CallerLeft
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)


def _order(scope: Scope, invocation: Invocation, body: bytes, seconds: float) -> CallOrder:
    span = trace.get_current_span().get_span_context()
    return CallOrder(
        scope=cast("PlainScope", {name: scope[name] for name in SCOPE if name in scope}),
        body=body,
        request_id=invocation.request_id,
        client=invocation.client,
        method=invocation.method,
        user=user_bytes(invocation.user),
        seconds=seconds,
        trace=(
            span.trace_id.to_bytes(16),
            span.span_id.to_bytes(8),
            int(span.trace_flags),
            tuple(span.trace_state.items()),
        ),
    )

"""One call of a function, in its own task, so that the caller gets a response in time.

The task starts eagerly, so a function that never waits costs no turn of the loop. A cut cancels it; one that
ignores its cancellation is abandoned after a grace period, and can no longer send.
"""

import asyncio
from collections.abc import Awaitable
from enum import Enum
from functools import partial
from typing import Any

from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import ASGIApp, Message, Receive, Scope, Send, nothing
from runtime.asgi.own_tasks import OwnTask
from runtime.gate.body import CALLER_LEFT, Replay, has_left
from runtime.gate.leftovers import Reaper
from runtime.routing.calling.exits import refused
from shared.errors import DeadlineExceeded

GRACE = 2.0  # seconds that a cancelled function has to clean up before it is abandoned
STREAM_GRACE = 5.0  # seconds after the deadline in which a stream may send its last event


class Unanswered(Exception):
    """A function ended before its response did."""


class Cut(Enum):
    """Why a call was ended from outside."""

    DEADLINE = "deadline"
    DISCONNECT = "disconnect"


class ResponseGuard:
    """A `send` that can be closed.

    Attributes:
        started: the first piece of the body was sent, and the head with it.
        status: of the latest head, 0 before.
        finished: the last piece was sent.
        closed: nothing more is sent.
    """

    __slots__ = ("_send", "closed", "finished", "started", "status")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self.status = 0
        self.finished = False
        self.closed = False

    def __call__(self, message: Message) -> Awaitable[None]:
        """Send `message`, or drop it once closed."""
        if self.closed:
            return nothing()
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.started = True
            self.finished = not message.get("more_body")
        return self._send(message)


class RunningCall:
    """A running function.

    Attributes:
        guard: where its response goes.
        cut: why it was ended from outside, None while it was not.
        task: its task; not done after `wait` if it was abandoned.
    """

    __slots__ = ("_deadline", "_grace", "_left", "_loop", "_stream", "_timer", "cut", "guard", "task")

    def __init__(self, guard: ResponseGuard, *, deadline: float, stream: bool, grace: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadline = deadline
        self._stream = stream
        self._grace = grace
        self._timer: asyncio.TimerHandle | None = None
        self._left: asyncio.Future[None] | None = None
        self.guard = guard
        self.cut: Cut | None = None
        self.task: asyncio.Task[None] | None = None

    def start(self, app: ASGIApp, scope: Scope, receive: Receive) -> asyncio.Task[None] | None:
        """Run `app` as far as it goes without waiting; return its task, None where that was its end.

        Raises what `app` raised, as `wait` does.
        """
        # Not by the loop's factory, which would count the function's task among those that it leaves behind.
        work: Any = app(scope, receive, self.guard)
        self.task = task = OwnTask(work, loop=self._loop, eager_start=True, name="call")
        if not task.done():
            return task
        if self.cut is None:
            _result(task)
        return None

    def end(self, why: Cut) -> None:
        """Cancel the call now, abandon it after the grace period; do nothing if it is over."""
        if self.cut is not None or self.guard.finished or self.task is None:
            return
        self.cut = why
        # It may no longer begin a response; one that has begun may still complete.
        self.guard.closed = not self.guard.started
        self.task.cancel()
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_later(self._grace, self._abandon)

    async def wait(self, task: asyncio.Task[None], watched: Replay | None = None) -> None:
        """Return at the end of the started `task`, or when it was cut and its grace period is over.

        Args:
            task: what `start` has returned.
            watched: tells when the caller leaves, which cuts the call.
        """
        self._left = self._loop.create_future()
        self._timer = self._loop.call_at(self._deadline, self._expire)
        task.add_done_callback(self._leave)
        watcher = watched.watch(partial(self.end, Cut.DISCONNECT)) if watched is not None else None
        try:
            await self._left
        except asyncio.CancelledError:  # by the server, which gives up on the request
            task.cancel()
            raise
        finally:
            self._timer.cancel()
            if watcher is not None:
                watcher.cancel()
        if self.cut is None:
            _result(task)

    def _leave(self, _: Any = None) -> None:
        if self._left is not None and not self._left.done():
            self._left.set_result(None)

    def _expire(self) -> None:
        if self._stream and self.guard.started:
            # A stream ends itself with an event at its deadline; this is for one that does not.
            self._stream = False
            self._timer = self._loop.call_later(STREAM_GRACE, self._expire)
        else:
            self.end(Cut.DEADLINE)

    def _abandon(self) -> None:
        self.guard.closed = True
        self._leave()


def _result(task: asyncio.Task[None]) -> None:
    """Raise what the function raised; if it cancelled itself, that is an error and no cancelled request."""
    try:
        task.result()
    except asyncio.CancelledError as error:
        raise RuntimeError("The function cancelled its own task.") from error
    except Exception:
        raise
    except BaseException as error:
        raise refused(error) from error


def call_function(app: ASGIApp, *, reaper: Reaper, stream: bool, watch: bool, grace: float) -> ASGIApp:
    """Step: run the function until its deadline.

    Args:
        app: the function.
        reaper: ends the tasks that it leaves behind.
        stream: it ends its own response at its deadline.
        watch: cut it when the caller leaves as well; needs a `Replay` to read from.
        grace: seconds that it has to clean up after a cut.
    """

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        invocation: Invocation = scope[SCOPE_KEY]
        guard = ResponseGuard(send)
        due: Any = invocation.deadline  # set at the arrival
        call = RunningCall(guard, deadline=due, stream=stream, grace=grace)
        watched = receive if watch and isinstance(receive, Replay) else None
        if watched is not None:
            watched.is_watched = True
        invocation.tasks = set()
        try:
            task = call.start(app, scope, receive)
            if task is not None:
                await call.wait(task, watched)
        finally:
            reaper.release(invocation, call.task)
        if call.cut is not None:
            _note(call.cut, invocation, answered=guard.finished)
        elif not guard.finished and not await has_left(receive):
            raise Unanswered

    return called


def _note(cut: Cut, invocation: Invocation, *, answered: bool) -> None:
    """Note why a call was cut, and raise what its caller is to be answered."""
    if cut is Cut.DISCONNECT:
        invocation.error = CALLER_LEFT
        return
    invocation.error = DeadlineExceeded.code
    if not answered:
        raise DeadlineExceeded

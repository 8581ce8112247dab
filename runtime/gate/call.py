"""One call of a function, in a task of its own: whoever cuts it, the caller gets an answer in time.

The task starts eagerly, so a function that never waits costs no turn of the loop. A cut cancels it; one that
ignores its cancellation is abandoned after a grace, and can no longer write to the caller.
"""

import asyncio
from collections.abc import Awaitable
from enum import Enum
from typing import Any

from runtime.asgi.messages import ASGIApp, Message, Receive, Scope, Send, nothing
from runtime.routing.calling.exits import refused

GRACE = 2.0  # seconds that a cancelled function has for its clean-up before it is abandoned
STREAM_GRACE = 5.0  # seconds after the deadline in which a stream says its last word


class Cut(Enum):
    """Why a call was ended from outside."""

    DEADLINE = "deadline"
    DISCONNECT = "disconnect"


class Reply:
    """The function's way out to the caller, which can be closed.

    Attributes:
        started: the first piece of the response's body is on its way, and its head with it.
        status: of the latest head, 0 before.
        finished: so is its last byte.
        closed: nothing that still comes is sent.
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


class Call:
    """A running function.

    Attributes:
        reply: where its response goes.
        cut: why it was ended from outside, None while it was not.
        task: its task; not done after `run` where it was abandoned.
    """

    __slots__ = ("_deadline", "_grace", "_left", "_loop", "_stream", "_timer", "cut", "reply", "task")

    def __init__(self, reply: Reply, *, deadline: float, stream: bool, grace: float = GRACE) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadline = deadline
        self._stream = stream
        self._grace = grace
        self._timer: asyncio.TimerHandle | None = None
        self._left: asyncio.Future[None] | None = None
        self.reply = reply
        self.cut: Cut | None = None
        self.task: asyncio.Task[None] | None = None

    async def run(self, app: ASGIApp, scope: Scope, receive: Receive) -> None:
        """Run `app` to its end, or until it was cut and its grace is over; raises what it raised."""
        # Straight from the class: the loop's factory would take the function for something it left behind.
        work: Any = app(scope, receive, self.reply)
        self.task = task = asyncio.Task(work, loop=self._loop, eager_start=True)
        if not task.done():
            await self._wait(task)
        if self.cut is None:
            _result(task)

    def end(self, why: Cut) -> None:
        """Cut the call: cancel it now, abandon it after the grace. A call that is over stays as it is."""
        if self.cut is not None or self.reply.finished or self.task is None:
            return
        self.cut = why
        # Too late for an answer of its own; one that has begun may still complete.
        self.reply.closed = not self.reply.started
        self.task.cancel()
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_later(self._grace, self._abandon)

    async def _wait(self, task: asyncio.Task[None]) -> None:
        self._left = self._loop.create_future()
        self._timer = self._loop.call_at(self._deadline, self._expire)
        task.add_done_callback(self._leave)
        try:
            await self._left
        except asyncio.CancelledError:  # the server gives up on the request
            task.cancel()
            raise
        finally:
            self._timer.cancel()

    def _leave(self, _: Any = None) -> None:
        if self._left is not None and not self._left.done():
            self._left.set_result(None)

    def _expire(self) -> None:
        if self._stream and self.reply.started:
            # The stream ends itself at its deadline with an event; this is for one that does not.
            self._stream = False
            self._timer = self._loop.call_later(STREAM_GRACE, self._expire)
        else:
            self.end(Cut.DEADLINE)

    def _abandon(self) -> None:
        self.reply.closed = True
        self._leave()


def _result(task: asyncio.Task[None]) -> None:
    """Raise what the function raised; its own cancellation is a mistake, not the request's end."""
    try:
        task.result()
    except asyncio.CancelledError as error:
        raise RuntimeError("The function was cancelled from within.") from error
    except Exception:
        raise
    except BaseException as error:
        raise refused(error) from error

"""One process of an isolated function, as its worker sees it."""

import asyncio
import contextlib
import logging
import os
import socket
from collections import deque
from contextvars import Context, copy_context
from functools import partial

from runtime.routing.calling.isolated.forking import Forked, Template
from runtime.routing.calling.isolated.frames import Framed
from runtime.routing.calling.isolated.output import OutputLines, small_pipe, write_through
from runtime.routing.calling.isolated.wire import (
    Beginning,
    CallOver,
    ProcessReport,
    WorkerOrder,
    beginning_bytes,
    message_bytes,
    report_of,
)
from shared.throttle import Throttle

logger = logging.getLogger(__name__)

END_BUDGET = 5.0  # seconds in which a process ends by itself: it sends its last spans
AHEAD = 64  # reports that may wait to be passed on, before the process waits too
LONGEST_LINE = 8192  # bytes of a line that a function prints
MAX_LINE = 1 << 20  # bytes of a line of its log, a traceback in the form for people
PRINTED = 50  # lines that a function prints, a second; the rest are counted and left out


class IsolatedProcess:
    """Runs one function, one call at a time.

    Attributes:
        calls: begun so far.
        is_busy: one was begun and is not over.
        killed: it was ended from here.
    """

    def __init__(self, template: Template, forked: Forked) -> None:
        self.pid = forked.pid
        self.ended = forked.ended
        self.calls = 0
        self.is_busy = False
        self.killed = False
        self._template = template
        self._connection = Framed(self._take, self._wake)
        self._reports: deque[ProcessReport | None] = deque()
        self._heard: asyncio.Future[None] | None = None
        self._context = Context()
        self._throttle = Throttle(PRINTED)

    @classmethod
    async def start(cls, template: Template, beginning: Beginning) -> "IsolatedProcess":
        """Fork a process and tell it what to run.

        Raises:
            Unavailable: none can be made.
        """
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        with contextlib.ExitStack() as passed, contextlib.ExitStack() as kept:
            passed.enter_context(theirs)
            kept.enter_context(ours)
            ends = [small_pipe(), small_pipe()]  # of its log, of what it prints
            for read, write in ends:
                kept.callback(os.close, read)
                passed.callback(os.close, write)
            forked = await template.fork(theirs.fileno(), *(write for _, write in ends))
            kept.pop_all()
        child = cls(template, forked)
        ours.setblocking(False)  # noqa: FBT003  # a positional signature
        await loop.create_unix_connection(lambda: child._connection, sock=ours)
        takers = (
            partial(OutputLines, write_through, MAX_LINE),
            partial(OutputLines, child._printed, LONGEST_LINE),
        )
        for (read, _), taker in zip(ends, takers, strict=True):
            await loop.connect_read_pipe(taker, os.fdopen(read, "rb", 0))
        child._connection.send(beginning_bytes(beginning))
        return child

    @property
    def is_alive(self) -> bool:
        """Whether it could take a call."""
        return not self.ended.done() and self._connection.is_open

    def begin(self, order: WorkerOrder) -> None:
        """Begin a call; what the function prints meanwhile belongs to the current context."""
        self.calls += 1
        self.is_busy = True
        self._context = copy_context()
        self.tell(order)

    def tell(self, order: WorkerOrder) -> None:
        """Send an order."""
        self._connection.send(message_bytes(order))

    async def hear(self) -> ProcessReport | None:
        """Return its next report; None once it is gone."""
        while not self._reports:
            if not self._connection.is_open:
                return None
            self._heard = asyncio.get_running_loop().create_future()
            await self._heard
        report = self._reports.popleft()
        if len(self._reports) == AHEAD // 2:
            self._connection.transport.resume_reading()
        if isinstance(report, CallOver):
            self.is_busy = False
            self._context = Context()
        return report

    async def status(self) -> int | None:
        """Return how it ended, as `os.waitpid` has it; one that has only closed its connection is killed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                return await asyncio.shield(self.ended)
        self.kill()
        return None

    def kill(self) -> None:
        """End it at once."""
        self.killed = True
        self._template.kill(self.pid)
        self._connection.close()

    def end(self) -> None:
        """Let it end; kill it once its time is over."""
        self._connection.close()
        timer = asyncio.get_running_loop().call_later(END_BUDGET, self.kill)
        self.ended.add_done_callback(lambda _: timer.cancel())

    def _take(self, message: bytes) -> None:
        self._reports.append(report_of(message))
        if len(self._reports) == AHEAD:
            self._connection.transport.pause_reading()
        self._wake()

    def _wake(self) -> None:
        if self._heard is not None and not self._heard.done():
            self._heard.set_result(None)

    def _printed(self, lines: list[bytes]) -> None:
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip()
            left_out = self._throttle.admit() if text else None
            if left_out is not None:
                extra = {"left_out": left_out} if left_out else {}
                self._context.run(partial(logger.info, "%s", text, extra=extra))

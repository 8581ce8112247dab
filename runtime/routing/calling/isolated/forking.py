"""The clean process that isolated functions are forked from, as its worker sees it.

A worker has threads, so it cannot be forked; a fresh interpreter takes a good part of a second to import what
calls a function. So one process imports that and nothing else, has no threads, and is forked in milliseconds
(`runtime.child.template`).
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import struct
import subprocess
import sys
from collections import deque
from typing import NamedTuple

from shared.errors import Unavailable

logger = logging.getLogger(__name__)

FORK, KILL = b"F", b"K"
READY, BORN, DEAD = b"R", b"B", b"D"
REQUEST = struct.Struct("!ci")  # what, and the process to kill
REPORT = struct.Struct("!cii")  # what, the process, and its status as `os.waitpid` has it
READY_BUDGET = 10.0  # seconds after which a start goes on without it
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[3:]; from runtime.child.template import main; "
    "main(int(sys.argv[1]), traced=sys.argv[2] == 'traced')"
)


class Forked(NamedTuple):
    """A new process: its id, and its status once it has ended (None where that was never learnt)."""

    pid: int
    ended: asyncio.Future[int | None]


class Template:
    """Starts the clean process when it is needed, and again should it end.

    Args:
        traced: spans are exported, by packages that take half a second to import.
    """

    def __init__(self, *, traced: bool) -> None:
        self._traced = "traced" if traced else "untraced"
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""
        self._asked: deque[asyncio.Future[Forked]] = deque()
        self._living: dict[int, asyncio.Future[int | None]] = {}
        self._ready = asyncio.Event()

    async def ready(self) -> None:
        """Start it, and return once it can be forked; its imports take a good part of a second."""
        self.start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READY_BUDGET):
                await self._ready.wait()

    def start(self) -> None:
        """Start it unless it runs; return at once."""
        if self._control is not None:
            return
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-c", _PROGRAM, str(theirs.fileno()), self._traced, *sys.path]
            # A session of its own: an interrupt at the terminal is the worker's to handle.
            self._process = subprocess.Popen(  # noqa: S603  # this interpreter
                command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, start_new_session=True
            )
        ours.setblocking(False)  # noqa: FBT003  # a positional signature
        self._ready.clear()
        self._control, self._buffer = ours, b""
        asyncio.get_running_loop().add_reader(ours.fileno(), self._read)

    async def fork(self, *given: int) -> Forked:
        """Return a new process, which has the descriptors `given`.

        Raises:
            Unavailable: none can be made.
        """
        self.start()
        asked: asyncio.Future[Forked] = asyncio.get_running_loop().create_future()
        if self._control is None:
            raise Unavailable
        try:
            socket.send_fds(self._control, [REQUEST.pack(FORK, 0)], [*given])
        except OSError as error:
            raise Unavailable from error
        self._asked.append(asked)
        return await asyncio.shield(asked)  # each answer belongs to one who asked, even if nobody waits

    def kill(self, pid: int) -> None:
        """End a process at once; do nothing if it has ended, whose id may belong to another by now."""
        if pid in self._living and self._control is not None:
            with contextlib.suppress(OSError):
                self._control.send(REQUEST.pack(KILL, pid))

    async def stop(self) -> None:
        """Let it end; it ends what was forked from it."""
        self._forget()
        if self._process is not None:
            process, self._process = self._process, None
            await asyncio.get_running_loop().run_in_executor(None, process.wait)

    def _read(self) -> None:
        control = self._control
        try:
            told = control.recv(REPORT.size * 64) if control else b""
        except BlockingIOError:
            return
        except OSError:
            told = b""
        if not told:
            logger.error("the process that isolated functions are forked from has ended; it is started anew")
            for pid in self._living:  # not even their ends can be learnt any more
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            self._forget()
            return
        self._buffer += told
        while len(self._buffer) >= REPORT.size:
            report, self._buffer = self._buffer[: REPORT.size], self._buffer[REPORT.size :]
            self._take(*REPORT.unpack(report))

    def _take(self, what: bytes, pid: int, status: int) -> None:
        if what == READY:
            self._ready.set()
        elif what == BORN:
            self._living[pid] = ended = asyncio.get_running_loop().create_future()
            asked = self._asked.popleft()
            if asked.cancelled():
                self.kill(pid)
            else:
                asked.set_result(Forked(pid, ended))
        elif (gone := self._living.pop(pid, None)) and not gone.done():
            gone.set_result(status)

    def _forget(self) -> None:
        control, self._control = self._control, None
        if control is not None:
            asyncio.get_running_loop().remove_reader(control.fileno())
            control.close()
        asked, self._asked = self._asked, deque()
        for each in asked:
            if not each.done():
                each.set_exception(Unavailable())
        living, self._living = self._living, {}
        for ended in living.values():
            if not ended.done():
                ended.set_result(None)

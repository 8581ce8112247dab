"""One worker process, as its parent sees it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from enum import Enum
from typing import Any

from . import ledger
from .blame.processor import busiest, spent
from .blame.stacks import threads
from .memory import anonymous

DUMP_LIMIT = 64 << 10  # bytes of stacks that are read
UNSENT_LIMIT = 1 << 20  # bytes that wait for a worker which does not listen
ORDERLY = "left"  # a worker's last message


class Phase(Enum):
    """How far a worker is."""

    STARTING = "starting"  # imports
    STANDBY = "standby"  # has imported everything
    CALLED = "called"  # was told to serve
    SERVING = "serving"
    LEAVING = "leaving"  # was told to stop
    DOOMED = "doomed"  # is being killed, after it has written its stacks
    DISCARDED = "discarded"  # is not needed any more


class Child:
    """A worker from its start to its end.

    Attributes:
        number: of the service's workers in the order of their starts, from 1.
        generation: how many rolling replacements there had been.
        phase: how far it is.
        since: when it came there.
        files: the function files it serves, in the order of the ledger.
        has_stood_by: it has imported every file.
        has_left: it has said that it serves no more.
        cause: why it is being killed, in words.
        busy_thread: the one that had the processor while it was silent, as Python names it; None if unknown.
    """

    def __init__(
        self, program: Sequence[str], listeners: Sequence[socket.socket], *, number: int, generation: int
    ) -> None:
        """Start it.

        Raises:
            OSError: no process, descriptor or memory is left.
        """
        self.number = number
        self.generation = generation
        self.files: list[str] = []
        self.has_stood_by = False
        self.has_left = False
        self.cause = ""
        self.busy_thread: int | None = None
        self._spent: dict[int, int] = {}
        self._sampled = -1.0
        self._written = 0
        self._served: float | None = None
        with contextlib.ExitStack() as stack:
            ours, theirs = socket.socketpair()
            stack.callback(theirs.close)
            self._control = ours
            self._dump = anonymous("annex-stacks")
            undo = stack.enter_context(contextlib.ExitStack())
            undo.callback(self.close)
            memory = ledger.create()
            stack.callback(os.close, memory)
            self.ledger = ledger.Ledger(memory)
            given = (theirs.fileno(), memory, self._dump, *(each.fileno() for each in listeners))
            self.process = subprocess.Popen(  # noqa: S603  # this very command again
                [*program, ",".join(map(str, given))], pass_fds=given, start_new_session=True
            )
            undo.pop_all()
        ours.setblocking(False)  # noqa: FBT003  # the parent waits for no worker
        self._unread = self._unsent = b""
        self.to(Phase.STARTING)

    def to(self, phase: Phase) -> None:
        """Be at `phase` from now on."""
        self.phase = phase
        self.since = time.monotonic()
        self.has_stood_by = self.has_stood_by or phase is Phase.STANDBY
        if phase is Phase.SERVING:
            self._served = self.since

    def served_for(self) -> float:
        """Return for how many seconds it has served, 0 where it never did."""
        return time.monotonic() - self._served if self._served is not None else 0.0

    def fileno(self) -> int:
        """Return the descriptor on which its messages come."""
        return self._control.fileno()

    def tell(self, **message: object) -> None:
        """Send it a message; one that takes none is about to end, or will be found silent."""
        if len(self._unsent) < UNSENT_LIMIT:
            self._unsent += json.dumps(message).encode() + b"\n"
        self.flush()

    def flush(self) -> None:
        """Send what it has not taken yet."""
        with contextlib.suppress(OSError):
            self._unsent = self._unsent[self._control.send(self._unsent) :]

    def heard(self) -> list[dict[str, Any]] | None:
        """Return the messages that have come, None where no more can come."""
        try:
            data = self._control.recv(1 << 20)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        *lines, self._unread = (self._unread + data).split(b"\n")
        try:
            return [json.loads(line) for line in lines]
        except ValueError:  # a function has written to the descriptor
            return []

    def silent_for(self, now: float) -> float:
        """Return the seconds since it last lived."""
        return now - max(self.ledger.beat, self.since)

    def sample(self) -> None:
        """Note, once in each silence, how long each of its threads has had the processor."""
        if self._sampled != self.ledger.beat:
            self._sampled = self.ledger.beat
            self._spent = spent(self.process.pid)

    def doom(self, cause: str) -> None:
        """Let it write the stacks of its threads, which needs neither its loop nor its interpreter."""
        self.cause = cause
        self.sample()
        self.to(Phase.DOOMED)
        self._signal(signal.SIGUSR2)

    def stacks(self) -> str:
        """Return what it wrote of its threads, at a crash or when asked."""
        return os.pread(self._dump, DUMP_LIMIT, 0).decode("utf-8", "replace")

    def has_written(self) -> bool:
        """Whether it wrote stacks, and no more of them since the last look."""
        before, self._written = self._written, os.fstat(self._dump).st_size
        return 0 < before == self._written

    def convict(self) -> None:
        """End a doomed worker; note which of its threads has had the processor since."""
        now = spent(self.process.pid)
        number = busiest(self._spent, now)
        if number is not None:
            names = {system: name for name, system in self.ledger.threads.items()}
            new = [each.name for each in threads(self.stacks()) if each.name not in names.values()]
            # A thread that began with the call which holds it is not in the ledger yet.
            self.busy_thread = names.get(number, new[0] if len(new) == 1 else None)
        self.kill()

    def terminate(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to stop."""
        self._signal(number)

    def kill(self) -> None:
        """End it now."""
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """Give back what belonged to it; its process is gone, or has never begun."""
        self._control.close()
        os.close(self._dump)

    def _signal(self, number: signal.Signals) -> None:
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, number)

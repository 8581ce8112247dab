"""The worker for queued work: one for the service, however many workers serve."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence

from .log import ParentLog
from .refusal import no_process

PAUSE = 5.0  # seconds before another one is started after one that ended by itself


class JobWorker:
    """`annex work` as a child of the parent; it keeps the lease of the process that does the jobs.

    Args:
        program: its command, which is told the parent's process id as one more argument; empty for none.
        log: where lines go.
    """

    def __init__(self, program: Sequence[str], log: ParentLog) -> None:
        self._program = program
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._is_wanted = False
        self._is_asked = False
        self._not_before = 0.0

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None

    def want(self, *, is_wanted: bool) -> None:
        """Run from now on, or end: some function file has a job, or none has."""
        self._is_wanted = is_wanted and bool(self._program)
        if not self._is_wanted:
            self.end()

    def tend(self, now: float) -> None:
        """Start it where it is missing."""
        if self._process is not None or not self._is_wanted or now < self._not_before:
            return
        self._not_before = now + PAUSE
        self._is_asked = False
        command = [*self._program, str(os.getpid())]
        try:  # its standard input tells it when this process ends
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603  # this very command
        except OSError as error:
            self._log.say(
                "error", f"cannot start the worker for jobs: {no_process(error)}; again in {PAUSE:g} s"
            )

    def end(self) -> None:
        """Let it drain; it is started anew where it is still wanted."""
        self._is_asked = True
        self._not_before = 0.0
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it now; what it held is done by others once its lease is over."""
        self._signal(signal.SIGKILL)

    def ended(self, process: int, code: int) -> None:
        """Note the end of a child, if it was this one."""
        if self._process is None or self._process.pid != process:
            return
        self._process.returncode = code
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None
        if not self._is_asked:
            self._not_before = time.monotonic() + PAUSE
            text = f"the worker for jobs ended with status {code}; another one is started in {PAUSE:g} s"
            self._log.say("error", text)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

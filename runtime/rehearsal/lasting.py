"""What a file can do to its process that nobody can undo: noticed in a fork, which ends afterwards."""

import fcntl
import os
import signal
import sys
from typing import Any, NamedTuple, Self

from runtime.rehearsal.places import line_of_frames
from runtime.routing.importing.surroundings import Change

OUT_OF_REACH = 300  # the lowest descriptor for what must survive a file that closes the usual ones
DESCRIPTORS = range(32)  # the ones that a careless loop closes; where the service has its sockets
_read = os.read  # a file may take it away
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)

CLOSED = Change("closed or replaced open files of the process", "Close only what the file has opened.")
INTERRUPTED = Change("interrupted the main thread of the process", "Raise an exception instead.")
_FORKED = Change("forked the process", "Start a process with subprocess, in a handler.")
_LIMITED = Change("changed a limit of the process", "Do not change it.")
_SIGNALLED = Change("sent a signal to a process", "Do that in a handler, to processes of its own.")
_EVENTS = {
    "os.fork": _FORKED,
    "os.forkpty": _FORKED,
    "os.kill": _SIGNALLED,
    "os.killpg": _SIGNALLED,
    "signal.pthread_kill": _SIGNALLED,
    "resource.setrlimit": _LIMITED,
    "resource.prlimit": _LIMITED,
    "os.exec": Change("replaced the process by another program", "Start it with subprocess, in a handler."),
    "sys.addaudithook": Change("added an audit hook, which nobody can remove", "Do not add one."),
}
"""By the name of the audit event (docs.python.org/3/library/audit_events.html)."""


class Watch:
    """Prevents, and remembers, what would change the process for good.

    Attributes:
        change: the first such thing since `begin`.
        line: of the file, where it did that.
    """

    def __init__(self) -> None:
        self.change: Change | None = None
        self.line = 0
        self._path = ""
        # An interrupt is written here at once; the main thread would meet it at some later file.
        wakes, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wakes = fcntl.fcntl(wakes, fcntl.F_DUPFD_CLOEXEC, OUT_OF_REACH)
        wake = fcntl.fcntl(wake, fcntl.F_DUPFD_CLOEXEC, OUT_OF_REACH)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for descriptor in DESCRIPTORS:
            if _opened(descriptor) is None:
                os.dup2(0, descriptor)
        sys.addaudithook(self._heard)

    def begin(self, path: str) -> None:
        """Watch a file at `path` from now on."""
        self._path = path

    def end(self) -> None:
        """Note whether the file has interrupted the main thread."""
        try:
            is_interrupted = bool(_read(self._wakes, 1))
        except OSError:  # nothing is there, or the file has closed it
            is_interrupted = False
        if is_interrupted:
            self.change = self.change or INTERRUPTED

    def _heard(self, event: str, given: tuple[Any, ...]) -> None:
        is_question = event == "os.kill" and given[1] == 0  # whether a process lives
        if event in _EVENTS and not is_question:
            self.change = self.change or _EVENTS[event]
            self.line = self.line or line_of_frames(sys._getframe(), self._path)  # noqa: SLF001 - as documented
            raise PermissionError(f"not while a function file is imported: {event}")


class Lasting(NamedTuple):
    """The state of this process, as far as it cannot be put back."""

    descriptors: list[Any]
    timers: list[Any]
    identity: tuple[Any, ...]

    @classmethod
    def read(cls) -> Self:
        """Return the state as it is now."""
        return cls(
            [_opened(each) for each in DESCRIPTORS],
            [bool(signal.getitimer(each)[0]) for each in _TIMERS],
            (os.getuid(), os.geteuid(), os.getgid(), os.getegid(), os.stat("/").st_ino),  # noqa: PTH116
        )

    def difference(self, now: "Lasting") -> Change | None:
        """Return what is not as before."""
        if now.descriptors != self.descriptors:
            return CLOSED
        if now.timers != self.timers:
            return Change(
                "left a timer of the process running (signal.setitimer)", "Use asyncio.timeout in a handler."
            )
        if now.identity != self.identity:
            return Change("changed user, group or root of the process", "Do not change them.")
        return None


def _opened(descriptor: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino

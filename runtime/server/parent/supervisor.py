"""The parent's loop: it starts, calls, replaces and stops the workers."""

import contextlib
import os
import selectors
import signal
import socket
import time
from collections.abc import Sequence
from typing import Any

from . import sockets
from .child import ORDERLY, Child, Phase
from .crew import ACTIVE, Crew
from .given import Given
from .jobs import JobWorker
from .log import ParentLog
from .lookout import MARGIN, Lookout
from .losses import Losses
from .refusal import no_process

TICK = 0.05  # seconds between two looks at the workers
FORCED = 10.0  # seconds to the end after the second interrupt
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


class Supervisor:
    """Keeps the service up from the first worker to the last.

    Args:
        given: what the command line hands over.
        listeners: bound sockets.
        log: where lines go.
        secret: signs what one worker gives out and another takes back, where the settings name none.
    """

    def __init__(self, given: Given, listeners: Sequence[socket.socket], log: ParentLog, secret: str) -> None:
        self._given = given
        self._listeners = listeners
        self._log = log
        self._secret = secret
        self._crew = Crew(given, listeners)
        self._jobs = JobWorker(given.jobs, log)
        self._losses = Losses(given.functions, log)
        self._lookout = Lookout(given)
        self._refused: list[Any] | None = None
        self._status = 0
        self._ends_at: float | None = None
        self._selector = selectors.DefaultSelector()

    def run(self) -> int:
        """Return the exit status of the service, once its last worker has ended."""
        heard = _signals()
        self._selector.register(heard, selectors.EVENT_READ, None)
        while self._ends_at is None or len(self._crew) or self._jobs.is_running:
            for key, _ in self._selector.select(TICK):
                if key.data is None:
                    self._signalled(heard.recv(64))
                else:
                    self._hear(key.data)
            self._reap()
            self._lookout.look(self._crew, time.monotonic())
            if self._ends_at is not None:
                self._hurry(self._ends_at)
            else:
                self._fill()
                if self._crew.has_served:
                    self._jobs.tend(time.monotonic())
        return self._status

    def _signalled(self, numbers: bytes) -> None:
        for number in numbers:
            if number == signal.SIGHUP:
                self._renew()
            elif number in {signal.SIGINT, signal.SIGTERM}:
                self._stop(signal.Signals(number))

    # Starting and calling

    def _fill(self) -> None:
        """Call who stands by, let go whose place is taken, start who is missing."""
        while (child := self._crew.next()) is not None:
            self._call(child)
        for child in self._crew.replaced():
            self._retire(child)
        while self._ends_at is None and self._crew.missing() and not self._is_awaiting_rehearsal():
            try:
                child = self._crew.start()
            except OSError as error:
                pause = self._crew.pause(lived=0)
                self._log.say("error", f"cannot start a worker: {no_process(error)}; again in {pause:g} s")
                return
            child.tell(
                number=child.number, workers=self._given.workers, secret=self._secret, refused=self._refused
            )
            self._selector.register(child, selectors.EVENT_READ, child)

    def _retire(self, child: Child) -> None:
        """Let a worker finish its calls and end, while the others accept what comes."""
        self._log.say("info", f"worker {child.number} is replaced", worker=child.number)
        child.to(Phase.LEAVING)
        child.tell(retire=True)

    def _is_awaiting_rehearsal(self) -> bool:
        """Whether a worker still tries the files: once for all is enough."""
        return self._refused is None and bool(self._crew.at(Phase.STARTING))

    def _call(self, child: Child) -> None:
        if not self._crew.has_served:
            try:
                for listener in self._listeners:
                    listener.listen(sockets.BACKLOG)
            except OSError as error:
                self._log.say("error", sockets.refusal(error, self._given.port))
                self._end(3)
                return
        is_short = self._crew.has_served and len(self._crew.at(Phase.SERVING)) < self._given.workers
        child.to(Phase.CALLED)
        child.tell(serve=True, state=self._state(), haste=is_short)

    def _hear(self, child: Child) -> None:
        messages = child.heard()
        if messages is None:
            self._selector.unregister(child)
            return
        for message in messages:
            self._told(child, message)

    def _told(self, child: Child, message: dict[str, Any]) -> None:
        if "files" in message and child.phase is Phase.STARTING:
            child.files = message["files"]
            child.to(Phase.STANDBY)
            self._log.say(
                "info", f"worker {child.number} stands by", worker=child.number, pid=child.process.pid
            )
        elif "refused" in message and child.phase is Phase.STARTING:
            self._refused = message["refused"]
        elif "jobs" in message:
            self._jobs.want(is_wanted=message["jobs"])
        elif "serving" in message and child.phase is Phase.CALLED:
            child.to(Phase.SERVING)
            self._crew.has_served = True
            self._tell_all()
        elif ORDERLY in message:
            child.has_left = True
        elif "unfit" in message and child.phase is Phase.SERVING:
            self._losses.resigned(child, message)
            self._retire(child)
            self._tell_all()

    def _tell_all(self) -> None:
        state = self._state()
        for child in self._crew.at(*ACTIVE):
            child.tell(state=state)

    def _state(self) -> dict[str, Any]:
        """Return what every worker reports of the service."""
        serving = len(self._crew.at(Phase.SERVING))
        deaths, closed = self._losses.recent(), self._losses.closed
        return {"workers": self._given.workers, "serving": serving, "deaths": deaths, "closed": closed}

    # Ends

    def _reap(self) -> None:
        """Take in every child that has ended, orphans of workers included."""
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                code = os.waitstatus_to_exitcode(ended[1])
                child = self._crew.find(ended[0])
                if child is not None:
                    self._ended(child, code)
                else:
                    self._jobs.ended(ended[0], code)

    def _ended(self, child: Child, code: int) -> None:
        child.process.returncode = code
        with contextlib.suppress(KeyError):  # nothing more can come from it
            self._hear(child)
            self._selector.unregister(child)
        self._crew.remove(child)
        if self._ends_at is not None:
            self._ended_at_the_end(child, code)
        elif child.phase is Phase.DISCARDED:
            pass
        elif not self._crew.has_served:
            self._failed(child, code, is_last=not len(self._crew))
        elif child.phase is not Phase.LEAVING or code:
            self._died(child, code)
        child.close()
        self._tell_all()

    def _ended_at_the_end(self, child: Child, code: int) -> None:
        is_late = bool(code) and child.phase in {Phase.LEAVING, Phase.DOOMED}
        if is_late or child.cause:
            self._losses.report(child, code)
        if is_late:
            self._status = self._status or 1

    def _failed(self, child: Child, code: int, *, is_last: bool) -> None:
        """End the service where no worker is left to serve. One that ends by itself has said why."""
        if code <= 0 or not is_last:
            self._losses.report(child, code)
        if is_last:
            self._end(code if code > 0 else 1)
        else:
            self._crew.pause(lived=0)

    def _died(self, child: Child, code: int) -> None:
        """Count a death."""
        if child.has_left and not code:
            self._log.say("warning", f"worker {child.number} was stopped from outside", worker=child.number)
            return
        end = self._losses.report(child, code)
        self._losses.count(end.death)
        lived = child.served_for()
        if not child.has_stood_by:
            self._refused = None  # the files may have changed since they were tried
        if lived and end.death.file:
            return  # a call ended it, and the next one need not wait
        if pause := self._crew.pause(lived=lived):
            self._log.say(
                "warning", f"a worker ended as soon as it had begun; the next one begins in {pause:g} s"
            )

    # Replacing and stopping

    def _renew(self) -> None:
        """Replace every worker, each once a new one serves; let the closed files back."""
        if self._ends_at is not None:
            return
        self._log.say("info", "replacing all workers")
        self._refused = None
        self._losses.forgive()
        self._jobs.end()
        for child in self._crew.renew():
            self._discard(child)

    def _stop(self, number: signal.Signals) -> None:
        """Let the workers drain; at a second SIGINT end at once."""
        is_first = self._ends_at is None
        if not is_first and number != signal.SIGINT:
            return
        self._end(0, seconds=self._given.budget + MARGIN if is_first else FORCED)
        for child in self._crew.at(*ACTIVE, Phase.LEAVING):
            child.to(Phase.LEAVING)
            child.terminate(number)
            child.tell(stop=True)  # a function may have set the signal to be ignored

    def _end(self, status: int, *, seconds: float = 0.0) -> None:
        """Serve no more: who does not serve yet ends now, the others within `seconds`."""
        self._status = status
        self._ends_at = time.monotonic() + seconds
        self._jobs.end()
        for listener in self._listeners:
            listener.close()
        for child in self._crew:
            if child.phase not in {*ACTIVE, Phase.LEAVING}:
                self._discard(child)

    def _hurry(self, until: float) -> None:
        """End by force who has not ended in time."""
        if time.monotonic() > until:
            for child in self._crew:
                child.kill()
            self._jobs.kill()

    def _discard(self, child: Child) -> None:
        child.to(Phase.DISCARDED)
        child.kill()


def _signals() -> socket.socket:
    """Return a socket on which the numbers of signals come from now on."""
    heard, written = socket.socketpair()
    heard.setblocking(False)  # noqa: FBT003  # the loop waits for all at once
    written.setblocking(False)  # noqa: FBT003  # a signal handler waits for nothing
    signal.set_wakeup_fd(written.detach(), warn_on_full_buffer=False)
    for number in SIGNALS:
        signal.signal(number, _noted)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    return heard


def _noted(*_: object) -> None:
    """Let the interrupted call go on: the number has been written already."""

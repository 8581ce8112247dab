"""One fork that tries files, seen from the process that forked it: timed, ended, its fate explained."""

import contextlib
import os
import select
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from runtime.refusal import Refusal
from runtime.rehearsal.lasting import CLOSED
from runtime.rehearsal.places import Mark, line_in_dump, widest_line
from runtime.rehearsal.trial import perform
from runtime.routing.importing.guard import allowed

GRACE = 1.0  # seconds beyond the budget until a fork is ended, which its own clock could not end
DUMP = 1.0  # seconds in which a fork that is ended writes where it was
POLL_INTERVAL = 0.2  # seconds between two looks whether it lives: what it started may hold its pipe open
LINGER = 1.0  # seconds in which the threads of a suspect may do their harm; those of others have a tenth

_CURE = "Move that code into a handler; importing a file must only define things."


class AskerGone(Exception):
    """Whoever asked has ended, so nobody waits for an answer."""


class Asker(NamedTuple):
    """Whoever waits for what is found.

    Attributes:
        alive: a descriptor on which its end shows.
        answers: one on which it is told each file that is tried.
    """

    alive: int
    answers: int


class Try:
    """A fork that tries files one after the other, until the first harmful one.

    Args:
        root: the functions folder.
        files: below it.
        budget: seconds for each file.
        hung: how many files have used their whole budget up before these.
        asker: in another process; None where this one asks.
        is_traced: note each line of the file that runs; slow, and for a single file.

    Attributes:
        position: of the file that was tried last.
        has_hung: that file used its budget up.
    """

    def __init__(
        self,
        root: Path,
        files: list[str],
        *,
        budget: float,
        hung: int,
        asker: Asker | None,
        is_traced: bool = False,
    ) -> None:
        self.position = 0
        self.has_hung = False
        self._root = root
        self._files = files
        self._budget = budget
        self._hung = hung
        self._asker = asker
        self._is_traced = is_traced
        self._is_complete = False
        self._status = 0
        self._line = 0
        self._busy: list[int] = []
        self._found: list[Refusal] = []
        self._mark = Mark()

    def run(self) -> Iterator[list[str]]:
        """Fork, try the files, and yield the names of libraries that they have imported.

        Raises:
            AskerGone: nobody waits any more; the fork has been ended.
        """
        read, write = os.pipe()
        with tempfile.TemporaryFile() as dump:
            child = os.fork()
            if not child:
                os.close(read)  # so that it ends with whoever reads
                self._perform(write, dump.fileno())
            os.close(write)
            try:
                yield from self._heard(read, child)
            finally:
                self._end(child)
                os.close(read)
            dump.seek(0)
            self._line = line_in_dump(dump.read(), str(self._root / self._file))

    def refusals(self) -> list[Refusal]:
        """Return the harmful file, once `run` is over."""
        if self._is_complete or (self._found and (self._found[0].line or self._is_traced)):
            return self._found
        if self.has_hung and not self._found:
            return [self._refusal(self._mark.line or self._line, self._still())]
        if self._line or self._is_traced:
            return [self._refusal(self._line or self._mark.line, self._fate())]
        return self._confirmed() or self._found or [self._refusal(0, self._fate())]

    @property
    def _file(self) -> str:
        return self._files[self.position]

    def _perform(self, pipe: int, dump: int) -> None:
        """Try the files; this is the fork, and it never returns."""
        try:
            perform(
                self._root,
                self._files,
                budget=self._budget,
                hung=self._hung,
                pipe=pipe,
                answers=self._asker and self._asker.answers,
                dump=dump,
                mark=self._mark,
                is_traced=self._is_traced,
                linger=LINGER if self._is_traced else LINGER / 10,
            )
        finally:
            os._exit(1)

    def _heard(self, pipe: int, child: int) -> Iterator[list[str]]:
        text = b""
        deadline = self._deadline()
        watched = [pipe, self._asker.alive] if self._asker else [pipe]
        while True:
            has_ended = _has_ended(child)  # asked first: what it sent before its end is still read
            ready = select.select(watched, [], [], 0 if has_ended else POLL_INTERVAL)[0]
            if self._asker and self._asker.alive in ready:
                raise AskerGone
            if not ready and has_ended:
                return
            if not ready and time.monotonic() > deadline:
                self.has_hung = True
                _interrupt(child)
                return
            if not ready:
                continue
            data = os.read(pipe, 1 << 16)
            if not data:
                return
            deadline = self._deadline()
            *lines, text = (text + data).split(b"\n")
            for line in lines:
                yield from self._taken(msgspec.json.decode(line))

    def _taken(self, message: dict[str, Any]) -> Iterator[list[str]]:
        if "reading" in message:
            self.position = message["reading"]
        elif "busy" in message:
            self._busy.append(message["busy"])
        elif "refused" in message:
            self._found.append(Refusal(**message["refused"]))
            self.has_hung = message["hung"]
        else:
            self._is_complete = True
            yield message["imported"]

    def _end(self, child: int) -> None:
        """End the fork and whatever it has started, and keep its status."""
        until = time.monotonic() + (0 if self._is_complete or self._found or self.has_hung else DUMP)
        while not _has_ended(child) and time.monotonic() < until:
            time.sleep(0.001)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)  # before it could lead a group of its own
        self._status = os.waitpid(child, 0)[1]

    def _deadline(self) -> float:
        spare = GRACE + (LINGER if self._is_traced else 0)
        return time.monotonic() + allowed(self._budget, self._hung) + spare

    def _confirmed(self) -> list[Refusal]:
        """Try the file alone, with its lines noted: the harm may be that of a thread of an earlier file.

        Where alone it does none, those that left a thread are tried.
        """
        suspects = [] if self._found else reversed(self._busy)
        for position in [self.position, *suspects]:
            alone = Try(
                self._root,
                [self._files[position]],
                budget=self._budget,
                hung=self._hung,
                asker=self._asker,
                is_traced=True,
            )
            for _ in alone.run():
                pass
            if found := alone.refusals():
                if position != self.position:
                    self.position = self.position - 1  # which was a bystander, and is tried again
                return found
        return []

    def _refusal(self, line: int, found: str) -> Refusal:
        is_running = self._mark.is_running
        doing = "imported" if is_running else "read"
        text = f"{found} while this file was {doing}."
        if self._mark.is_cut_off:
            text = f"The import {CLOSED.what}."
        cure = _CURE if is_running else "Move data to a file outside of the functions folder."
        if not is_running:
            line = line or widest_line(self._root / self._file)
        return Refusal(self._file, line, text, cure, is_readable=is_running)

    def _still(self) -> str:
        return f"The process did not respond for {allowed(self._budget, self._hung):g} s"

    def _fate(self) -> str:
        code = os.waitstatus_to_exitcode(self._status)
        if code >= 0:
            return f"The process ended with status {code}"
        return f"The process was ended by {signal.Signals(-code).name}"


def _interrupt(child: int) -> None:
    """Let a fork write where each of its threads is, which needs no lock of the interpreter, and end it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGABRT)
        until = time.monotonic() + DUMP
        while time.monotonic() < until:
            if _has_ended(child):
                return
            time.sleep(0.005)


def _has_ended(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

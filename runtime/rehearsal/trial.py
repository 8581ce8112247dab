"""What a fork does: it tries files until one would harm the process that serves, and ends."""

import faulthandler
import fcntl
import os
import resource
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from runtime.refusal import Refusal
from runtime.rehearsal.lasting import OUT_OF_REACH, Lasting, Watch
from runtime.rehearsal.memory import available
from runtime.rehearsal.places import LineTracer, Mark
from runtime.routing.discovery import attempt
from runtime.routing.importing.guard import Guard, NextStep, allowed
from runtime.routing.importing.surroundings import Surroundings
from runtime.routing.reading.faults import Fault

NEVER = float("inf")
WAITED_FOR = 10  # files with threads for which a fork lingers
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})

# A file may take them away.
_write, _exit, _encode, _now = os.write, os._exit, msgspec.json.encode, time.monotonic


def perform(  # noqa: PLR0913 - all by name
    root: Path,
    files: list[str],
    *,
    budget: float,
    hung: int,
    pipe: int,
    answers: int | None,
    dump: int,
    mark: Mark,
    is_traced: bool,
    linger: float,
) -> None:
    """Try files, tell each on `pipe`, and end this process.

    Args:
        root: the functions folder.
        files: below it.
        budget: seconds for each.
        hung: how many files before these have used it up.
        pipe: where to tell.
        answers: where to tell the asker each file before it is tried: it may end who reads `pipe`.
        dump: the file into which faulthandler writes.
        mark: where to note what runs.
        is_traced: note each line.
        linger: seconds to wait after a file that has left a thread.
    """
    pipe = _prepared(pipe, dump)
    trial = _Trial(root, files, partial(_say, pipe, mark), answers, mark)
    if is_traced:
        harmed = partial(_is_other, Lasting.read())
        threading.settrace(LineTracer(str(root / files[0]), mark, harmed))
    over = threading.Lock()
    over.acquire()
    # A thread, as where they serve: some things cannot be done in one. It is watched from here.
    thread = threading.Thread(target=trial.run, args=(linger, over.release), daemon=True)
    thread.start()
    seconds = allowed(budget, hung)
    wait = over.acquire  # a file may take it away
    while not wait(timeout=min(max(trial.began + seconds - _now(), 0), seconds)):
        if _now() - trial.began >= seconds:
            trial.give_up(thread, seconds)
    _exit(0)


class _Trial:
    """Tries files in one thread, one after the other.

    Attributes:
        began: when it began with the file at hand; endless while there is none.
    """

    def __init__(
        self,
        root: Path,
        files: list[str],
        say: Callable[[dict[str, object]], None],
        answers: int | None,
        mark: Mark,
    ) -> None:
        self.began = NEVER
        self._files = files
        self._say = say
        self._answers = answers
        self._mark = mark
        self._loaded = {*sys.modules}
        self._file = ""
        self._watch = Watch()
        self._guard = _Inside(root)
        self._state = Lasting.read()

    def run(self, linger: float, over: Callable[[], None]) -> None:
        """Try them all, or up to the first harmful one.

        Args:
            linger: seconds to wait after a file that has left a thread.
            over: called when nothing more is done.
        """
        busy = 0
        for position, file in enumerate(self._files):
            self._mark.set(0, is_running=False)
            self._say({"reading": position})
            if self._answers is not None:
                _write(self._answers, _encode({"reading": file}) + b"\n")
            threads = {*threading.enumerate()}
            self._file, self.began = file, _now()
            refusal = self._attempted(file)
            self.began = NEVER
            if refusal:
                self._refuse(refusal)
            if {*threading.enumerate()} - threads:
                self._say({"busy": position})
                time.sleep(linger if busy < WAITED_FOR else 0)
                busy += 1
        names = [name for name in sys.modules if name not in self._loaded and _is_library(name)]
        self._say({"imported": names})
        over()

    def give_up(self, thread: threading.Thread, seconds: float) -> None:
        """Refuse the file at hand: it has used its budget up."""
        fault = self._guard.hangs(self._file, "The import", thread, seconds)
        self._refuse(Refusal(fault.file, fault.line, fault.found, fault.cure))

    def _refuse(self, refusal: Refusal) -> NoReturn:
        self._say({"refused": refusal._asdict(), "hung": bool(self._guard.harmful)})
        _exit(0)

    def _attempted(self, file: str) -> Refusal | None:
        self._watch.begin(str(self._guard.root / file))
        fault = attempt(self._guard, file, lambda: self._mark.set(self._mark.line, is_running=True))
        if fault:
            return Refusal(fault.file, fault.line, fault.found, fault.cure)
        before, self._state = self._state, Lasting.read()
        self._watch.end()
        change = self._watch.change or before.difference(self._state)
        if change:
            line = self._watch.line or self._mark.line
            return Refusal(file, line, f"The import {change.what}.", change.cure)
        return None


class _Inside(Guard):
    """Runs code of files in the thread that asks; whoever has started that watches the time.

    What one file adds to the surroundings is not taken away from the next one, as where they serve.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root, 0)
        self._surroundings = Surroundings(self._libraries, self.modules)

    def run(
        self, file: str, doing: str, work: Callable[[], Any], then: NextStep | None = None
    ) -> Any | Fault:
        """Do `work`, and put the surroundings back."""
        self.modules.look()
        return self.settled(file, doing, work, self._surroundings, then)


def _prepared(pipe: int, dump: int) -> int:
    """Leave the asker's session, standard streams and limits; return the pipe's new descriptor."""
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nowhere, standard)
    faulthandler.enable(fcntl.fcntl(dump, fcntl.F_DUPFD_CLOEXEC, OUT_OF_REACH))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory := available():
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (memory, most))
    return fcntl.fcntl(pipe, fcntl.F_DUPFD_CLOEXEC, OUT_OF_REACH)


def _is_library(name: str) -> bool:
    """Say whether a module is an installed library; what a team writes itself changes between questions."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return isinstance(file, str) and file.startswith(_LIBRARIES)


def _is_other(before: Lasting) -> bool:
    return before.difference(Lasting.read()) is not None


def _say(pipe: int, mark: Mark, message: dict[str, object]) -> None:
    try:
        _write(pipe, _encode(message) + b"\n")
    except OSError:  # a file has closed it
        mark.set(mark.line, is_running=True, is_cut_off=True)
        _exit(1)

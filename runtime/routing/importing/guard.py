"""Runs code of function files so that raising, exiting or hanging affects its own file only."""

import ctypes
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from sys import getrecursionlimit, setrecursionlimit
from threading import Lock, Thread
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from runtime.routing.importing.libraries import Libraries
from runtime.routing.importing.module_list import ModuleList
from runtime.routing.importing.surroundings import Change, Surroundings
from runtime.routing.reading.faults import Fault, one_line

FULL_BUDGETS = 2  # files that may hang for their whole budget; those after them get a tenth of it


def allowed(budget: float, hung: int) -> float:
    """Return the seconds that the next file has; once some have hung, many must not hold up the start."""
    return budget if hung < FULL_BUDGETS else budget / 10


class NextStep(NamedTuple):
    """A piece of work on a file, and what it is, as the subject of a sentence."""

    doing: str
    work: Callable[[Any], Any]


class Guard:
    """Runs code of function files, each piece in a thread of its own and within a budget of time.

    Args:
        root: the folder of the files.
        budget: seconds one piece may take.
        report: called with each file before it is touched, and with ``""`` afterwards.
        hung: how many files have used their whole budget up before.

    Attributes:
        modules: what is loaded.
        harmful: faults of files that hung or ran out of memory, and would again in another process.
    """

    def __init__(
        self, root: Path, budget: float, report: Callable[[str], None] = lambda _: None, *, hung: int = 0
    ) -> None:
        self.root = root.resolve()
        self.budget = budget
        self.report = report
        self.harmful: list[Fault] = []
        self._hung = hung
        self._doing = ""
        self._libraries, self.modules = Libraries(), ModuleList()
        self._unchanged: Surroundings | None = None  # of the file before, if it has changed nothing

    def run(
        self, file: str, doing: str, work: Callable[[], Any], then: NextStep | None = None
    ) -> Any | Fault:
        """Do `work`, which runs code of `file`, to its end or to the end of the budget.

        Args:
            file: path below the root.
            doing: what it is, as the subject of a sentence.
            work: may raise anything; what it raises becomes a fault, and so does what it leaves changed.
            then: likewise, is given what `work` returns. What both have changed is looked for once, as that
                takes longer than most imports; in between only built-in functions are put back.
        """
        outcome: list[Any | Fault] = []
        surroundings = self._looked()
        # The file may take away what threads are started and awaited with, so that is over when it begins.
        begin, end = Lock(), Lock()
        begin.acquire()
        end.acquire()

        def run() -> None:
            begin.acquire()
            try:
                outcome.append(self.settled(file, doing, work, surroundings, then))
            finally:
                end.release()

        thread = Thread(target=run, name=f"{doing} {file}", daemon=True)
        self.report(file)
        thread.start()
        seconds = allowed(self.budget, self._hung)
        begin.release()
        is_over = end.acquire(timeout=seconds)
        setrecursionlimit(surroundings.limit)
        if not is_over:
            surroundings.is_left = True
            surroundings.restore(surroundings.limit)
            outcome.insert(0, self.hangs(file, self._doing, thread, seconds))
            self._hung += 1
            _end(thread)
        elif surroundings.is_same:
            self._unchanged = surroundings
        self.report("")
        return outcome[0]

    def _looked(self) -> Surroundings:
        """Return the surroundings as they are now; what changes nothing need not be looked at again."""
        found, self._unchanged = self._unchanged, None
        if found is None:
            return Surroundings(self._libraries, self.modules)
        self.modules.look()
        return found

    def settled(
        self,
        file: str,
        doing: str,
        work: Callable[[], Any],
        surroundings: Surroundings,
        then: NextStep | None = None,
    ) -> Any | Fault:
        """Do the same in this thread, without a budget; what is raised or changed becomes a fault."""
        self._doing = doing
        faults: list[Fault] = []
        result: Any = None

        def restore(how: Callable[[int], list[Change]]) -> None:
            if surroundings.is_left:
                return
            limit = getrecursionlimit()
            setrecursionlimit(surroundings.limit)
            faults.extend(
                Fault(file=file, line=0, found=f"{doing} changed {change.what}.", cure=change.cure)
                for change in how(limit)
            )

        try:
            try:
                result = work()
                if then:
                    restore(surroundings.restore_builtins)
                    self._doing = then.doing
                    result = None if faults else then.work(result)
            finally:
                restore(surroundings.restore)
        except BaseException as error:  # noqa: BLE001 - SystemExit must cost one route, not the service
            # It comes first, but in the second step: it may be for want of what the first has taken away.
            place = 0 if self._doing == doing else len(faults)
            faults.insert(place, self._raised(file, self._doing, error, sys.exc_info()[2]))
        return faults[0] if faults else result

    def hangs(self, file: str, doing: str, thread: Thread, seconds: float) -> Fault:
        """Return, and remember as harmful, that `file` has used its budget up in `thread`."""
        frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - the one way to see where a thread is
        fault = Fault(
            file=file,
            line=self._line(traceback.walk_stack(frame)) if frame else 0,
            found=f"{doing} was still running after {seconds:g} s.",
            cure="Move slow work into the handler, or raise ANNEX_IMPORT_BUDGET.",
        )
        self.harmful.append(fault)
        return fault

    def _raised(self, file: str, doing: str, error: BaseException, trace: TracebackType | None) -> Fault:
        """Describe an exception by its type and its trace; its own attributes may be false."""
        kinds = type.mro(type(error))
        line = self._line(reversed(list(traceback.walk_tb(trace))), file)
        found, cure = (
            f"{doing} failed: {one_line(error)}.",
            "Fix the error and save; `annex dev` reloads the file on save.",
        )
        if any(kind is SystemExit for kind in kinds):
            found = f"{doing} ended the process (SystemExit)."
            cure = "Remove the exit; functions must not end the process."
        elif any(kind is ModuleNotFoundError for kind in kinds):
            cure = "Correct the name, or add the package to pyproject.toml."
        fault = Fault(file=file, line=line, found=found, cure=cure)
        if any(kind is MemoryError for kind in kinds):
            self.harmful.append(fault)
        return fault

    def _line(self, frames: Iterable[tuple[FrameType, int]], file: str | None = None) -> int:
        """Return the innermost line inside `file`, or inside the root."""
        inside = str(self.root / file) if file else str(self.root)
        return next((line for frame, line in frames if frame.f_code.co_filename.startswith(inside)), 0)


_RAISE_IN = ctypes.pythonapi.PyThreadState_SetAsyncExc  # bound here: a file may take it away


class Inline(Guard):
    """Runs code inside of a piece of another guard: in its thread, within its budget, in its surroundings."""

    def __init__(self, around: Guard) -> None:
        self.root, self.budget, self.report = around.root, around.budget, around.report
        self.modules = around.modules
        self.harmful = around.harmful

    def run(
        self, file: str, doing: str, work: Callable[[], Any], then: NextStep | None = None
    ) -> Any | Fault:
        """Do `work`; what it raises becomes a fault."""
        try:
            result = work()
            if then:
                doing = then.doing
                result = then.work(result)
        except _GivenUp:
            raise
        except BaseException as error:  # noqa: BLE001 - SystemExit must cost one route, not the service
            return self._raised(file, doing, error, sys.exc_info()[2])
        return result


class _GivenUp(BaseException):
    """Raised inside a thread that has used its budget up."""


def _end(thread: Thread) -> None:
    """Raise inside a thread, or a loop that never ends would take its share of every request for ever.

    One that is asleep meets the exception when it wakes, and one that catches everything goes on.
    """
    ident = ctypes.c_ulong(thread.ident or 0)
    _RAISE_IN(ident, ctypes.py_object(_GivenUp))

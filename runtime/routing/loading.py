"""Function files imported by location, each on its own and within a budget of time.

A file that raises, exits or hangs costs its own routes and nothing else. `[symbol].py` cannot be named
in an import statement, so modules live in `sys.modules` under a private prefix, with their folders as
packages, which relative imports, postponed annotations and pickling need.
"""

import ast
import ctypes
import hashlib
import importlib.util
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path, PurePosixPath
from types import ModuleType

from msgspec import Struct

from runtime.routing.faults import UNREADABLE, Fault, told, unreadable

PREFIX = "annex_functions_"
PATIENCE = 2  # files that may hang for their whole budget; what hangs after them gets a tenth of it


class Loaded(Struct, frozen=True):
    """A module that ran to its end, and the seconds it took."""

    module: ModuleType
    seconds: float


class Loader:
    """Imports the files of one functions folder.

    Args:
        root: the folder.
        budget: seconds one file may take.
    """

    def __init__(self, root: Path, budget: float) -> None:
        self.root = root.resolve()
        self.budget = budget
        self._given_up = 0
        self.prefix = PREFIX + hashlib.sha256(str(self.root).encode()).hexdigest()[:8]

    def forget(self) -> None:
        """Take every module of this folder out of `sys.modules`, so that the next load runs it anew."""
        for name in [
            name for name in sys.modules if name == self.prefix or name.startswith(self.prefix + ".")
        ]:
            del sys.modules[name]

    def load(self, file: str, tree: ast.Module) -> Loaded | Fault:
        """Run one file.

        Args:
            file: path below the root.
            tree: its syntax tree. It is compiled from here rather than from a cached `.pyc`, which the
            file system's clock could make out to be fresh when the file has just been saved.
        """
        try:
            code = compile(tree, str(self.root / file), "exec", dont_inherit=True)
        except UNREADABLE as error:
            return unreadable(file, error)
        module = self._prepare(file)
        folder = Path.cwd()
        started = time.perf_counter()
        ran: Fault | None = self.guard(file, "The import", lambda: exec(code, module.__dict__))  # noqa: S102 - the point
        if Path.cwd() != folder:
            os.chdir(folder)
            ran = ran or Fault(
                file=file,
                line=0,
                found="The import changed the process's working directory.",
                cure="Name files by their own place: Path(__file__).parent.",
            )
        if ran is not None:
            sys.modules.pop(module.__name__, None)
            return ran
        return Loaded(module, time.perf_counter() - started)

    def _prepare(self, file: str) -> ModuleType:
        path = self.root / file
        name, folder = self.prefix, self.root
        self._package(name, folder)
        for part in PurePosixPath(file).parent.parts:
            name, folder = f"{name}.{_dotless(part)}", folder / part
            self._package(name, folder)
        name = f"{name}.{_dotless(path.stem)}"
        module = importlib.util.module_from_spec(
            ModuleSpec(name, SourceFileLoader(name, str(path)), origin=str(path))
        )
        module.__file__ = str(path)
        sys.modules[name] = module
        return module

    def _package(self, name: str, folder: Path) -> None:
        if name not in sys.modules:
            package = importlib.util.module_from_spec(ModuleSpec(name, None, is_package=True))
            package.__path__ = [str(folder)]
            sys.modules[name] = package

    def guard[Result](self, file: str, doing: str, work: Callable[[], Result]) -> Result | Fault:
        """Do `work`, which runs code of `file`, to its end or to the end of the budget.

        Args:
            file: path below the root.
            doing: what it is, as the subject of a sentence.
            work: may raise anything; what it raises becomes a fault.
        """
        results: list[Result] = []
        failure: list[BaseException] = []

        def run() -> None:
            try:
                results.append(work())
            except BaseException as error:  # noqa: BLE001 - SystemExit must cost one route, not the service
                failure.append(error)

        thread = threading.Thread(target=run, name=f"{doing} {file}", daemon=True)
        thread.start()
        allowed = self._allowed()
        thread.join(allowed)
        if results:
            return results[0]
        if failure:
            return self._raised(file, doing, failure[0])
        fault = self._hangs(file, doing, thread, allowed)
        self._given_up += 1
        _end(thread)
        return fault

    def _allowed(self) -> float:
        """Return the seconds that the next file has; once some have hung, many must not hold up the start."""
        return self.budget if self._given_up < PATIENCE else self.budget / 10

    def _hangs(self, file: str, doing: str, thread: threading.Thread, allowed: float) -> Fault:
        frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - the one way to see where a thread is
        return Fault(
            file=file,
            line=self._line(traceback.StackSummary.extract(traceback.walk_stack(frame))) if frame else 0,
            found=f"{doing} was still running after {allowed:g} s, and was given up.",
            cure="Do slow work inside the handler; importing a function should only define things.",
        )

    def _raised(self, file: str, doing: str, error: BaseException) -> Fault:
        frames = traceback.extract_tb(error.__traceback__)
        line = self._line(list(reversed(frames)), file)
        found, cure = f"{doing} failed: {told(error)}.", "Fix the file; it runs as it is when it is saved."
        if isinstance(error, SystemExit):
            found = f"{doing} ended the process (SystemExit)."
            cure = "Remove the exit; a function returns or raises."
        elif isinstance(error, ModuleNotFoundError):
            cure = "Correct the name, or add the package to pyproject.toml."
        return Fault(file=file, line=line, found=found, cure=cure)

    def _line(self, frames: list[traceback.FrameSummary], file: str | None = None) -> int:
        """Return the innermost line inside `file`, or inside the root."""
        inside = str(self.root / file) if file else str(self.root)
        return next((frame.lineno or 0 for frame in frames if frame.filename.startswith(inside)), 0)


def _dotless(part: str) -> str:
    """Python cuts module names at dots; `[...rest]` and `v1.2` keep theirs as a look-alike."""
    return part.replace(".", "\u2024")


class _GivenUp(BaseException):
    """Raised inside a thread that has used its budget up."""


def _end(thread: threading.Thread) -> None:
    """Raise inside a thread, or a loop that never ends would take its share of every request for ever.

    One that is asleep meets the exception when it wakes, and one that catches everything goes on.
    """
    ident = ctypes.c_ulong(thread.ident or 0)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(_GivenUp))

"""Function files imported by location, each on its own and within a budget of time.

A file that raises, exits or hangs costs its own routes and nothing else. `[symbol].py` cannot be named
in an import statement, so modules live in `sys.modules` under a private prefix, with their folders as
packages, which relative imports, postponed annotations and pickling need.
"""

import ast
import hashlib
import importlib.util
import sys
import threading
import time
import traceback
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path, PurePosixPath
from types import CodeType, ModuleType

from msgspec import Struct

from runtime.routing.faults import UNREADABLE, Fault, unreadable

PREFIX = "annex_functions_"


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
        return self._run(file, module, code)

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

    def _run(self, file: str, module: ModuleType, code: CodeType) -> Loaded | Fault:
        failure: list[BaseException] = []

        def run() -> None:
            try:
                exec(code, module.__dict__)  # noqa: S102 - running the developer's own file is the point
            except BaseException as error:  # noqa: BLE001 - SystemExit must cost one route, not the service
                failure.append(error)

        started = time.perf_counter()
        thread = threading.Thread(target=run, name=f"import {file}", daemon=True)
        thread.start()
        thread.join(self.budget)
        if thread.is_alive():
            return self._hangs(file, thread)
        if failure:
            sys.modules.pop(module.__name__, None)
            return self._raised(file, failure[0])
        return Loaded(module, time.perf_counter() - started)

    def _hangs(self, file: str, thread: threading.Thread) -> Fault:
        frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - the one way to see where a thread is
        return Fault(
            file=file,
            line=self._line(traceback.StackSummary.extract(traceback.walk_stack(frame))) if frame else 0,
            found=f"The import was still running after {self.budget:g} s, and was given up.",
            cure="Do slow work inside the handler; importing a function should only define things.",
        )

    def _raised(self, file: str, error: BaseException) -> Fault:
        frames = traceback.extract_tb(error.__traceback__)
        line = self._line(list(reversed(frames)), file)
        kind = type(error).__name__
        if isinstance(error, SystemExit):
            found, cure = (
                "The import ended the process (SystemExit).",
                "Remove the exit; a function returns or raises.",
            )
        elif isinstance(error, ModuleNotFoundError):
            found = f"The import failed: {kind}: {error}."
            cure = "Correct the name, or add the package to pyproject.toml."
        else:
            found, cure = (
                f"The import failed: {kind}: {error}.",
                "Fix the file; it runs as it is when it is saved.",
            )
        return Fault(file=file, line=line, found=found, cure=cure)

    def _line(self, frames: list[traceback.FrameSummary], file: str | None = None) -> int:
        """Return the innermost line inside `file`, or inside the root."""
        inside = str(self.root / file) if file else str(self.root)
        return next((frame.lineno or 0 for frame in frames if frame.filename.startswith(inside)), 0)


def _dotless(part: str) -> str:
    """Python cuts module names at dots; `[...rest]` and `v1.2` keep theirs as a look-alike."""
    return part.replace(".", "\u2024")

"""Function files imported by location, each on its own and within a budget of time.

A file that raises, exits or hangs costs its own routes and nothing else. `[symbol].py` cannot be named
in an import statement, so modules live in `sys.modules` under a private prefix, with their folders as
packages, which relative imports, postponed annotations and pickling need.
"""

import ast
import hashlib
import importlib.util
import sys
import time
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path, PurePosixPath
from types import ModuleType

from msgspec import Struct

from runtime.routing.importing.guard import Guard
from runtime.routing.reading.faults import UNREADABLE, Fault, unreadable

PREFIX = "annex_functions_"


class Loaded(Struct, frozen=True):
    """A module that ran to its end, its name in `sys.modules`, and the seconds it took."""

    module: ModuleType
    name: str
    seconds: float


class Loader:
    """Imports the files of one functions folder.

    Args:
        guard: runs their code.
    """

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self.root = guard.root
        self.prefix = PREFIX + hashlib.sha256(str(self.root).encode()).hexdigest()[:8]

    def forget(self) -> None:
        """Take every module of this folder out of `sys.modules`, so that the next load runs it anew."""
        for name in map(str, list(sys.modules)):  # a file may put in what is no name
            if name == self.prefix or name.startswith(self.prefix + "."):
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
        module, name = self._prepare(file)
        started = time.perf_counter()
        ran = self.guard.run(file, "The import", lambda: exec(code, module.__dict__))  # noqa: S102 - the point
        if isinstance(ran, Fault):
            sys.modules.pop(name, None)
            return ran
        return Loaded(module, name, time.perf_counter() - started)

    def _prepare(self, file: str) -> tuple[ModuleType, str]:
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
        return module, name

    def _package(self, name: str, folder: Path) -> None:
        if name not in sys.modules:
            package = importlib.util.module_from_spec(ModuleSpec(name, None, is_package=True))
            package.__path__ = [str(folder)]
            sys.modules[name] = package


def _dotless(part: str) -> str:
    """Python cuts module names at dots; `[...rest]` and `v1.2` keep theirs as a look-alike."""
    return part.replace(".", "\u2024")

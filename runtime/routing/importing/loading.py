"""Function files imported by location, each on its own and within a budget of time.

A file that raises, exits or hangs costs its own routes and nothing else. `[symbol].py` cannot be named
in an import statement, so modules live in `sys.modules` under a private prefix, with their folders as
packages, which relative imports, postponed annotations and pickling need.
"""

import ast
import contextlib
import hashlib
import importlib.util
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.machinery import ModuleSpec, SourceFileLoader
from os.path import isdir
from types import CodeType, ModuleType

from msgspec import Struct

from runtime.routing.annotations.describe import MODULE_PREFIX
from runtime.routing.importing.guard import Guard, NextStep
from runtime.routing.importing.surroundings import release_files
from runtime.routing.reading.faults import UNREADABLE, Fault, unreadable


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
        self.prefix = MODULE_PREFIX + hashlib.sha256(str(self.root).encode()).hexdigest()[:8]
        self._compiled: dict[str, CodeType] = {}

    def compile(self, file: str, tree: ast.Module) -> None:
        """Compile a file from the syntax tree that its reading has made, so that its text is parsed once.

        The code is kept until the file is loaded: the trees of all files would be most of the memory of a
        start.
        """
        with contextlib.suppress(*UNREADABLE):  # `load` compiles the text, and tells why it cannot
            self._compiled[file] = compile(tree, f"{self.root}/{file}", "exec", dont_inherit=True)

    def forget(self) -> None:
        """Take every module of this folder out of `sys.modules`, so that the next load runs it anew."""
        names = [name for name in list(sys.modules) if type(name) is str]  # a file may put in other keys
        for name in names:
            if name == self.prefix or name.startswith(self.prefix + "."):
                del sys.modules[name]

    def load[Result](self, file: str, text: bytes, judge: Callable[[Loaded], Result]) -> Result | Fault:
        """Run one file, and return what `judge` makes of it.

        Args:
            file: path below the root.
            text: what was read of it. It is compiled from here, where it has not been, rather than from a
                cached `.pyc`, which the file system's clock could make out to be fresh when it has just been
                saved.
            judge: reads what the file has defined, and may run more of its code.
        """
        try:
            code = self._compiled.pop(file, None) or compile(
                text, f"{self.root}/{file}", "exec", dont_inherit=True
            )
        except UNREADABLE as error:
            return unreadable(file, error)
        prepared = self._prepare(file)
        own = prepared[-1]
        started = time.perf_counter()

        def judged(_: None) -> Result | Fault:
            seconds = time.perf_counter() - started
            is_changed = [each.put_back() for each in prepared]
            if any(is_changed):
                found = "The import replaced its module in sys.modules, or changed the class of the module."
                return Fault(
                    file=file, line=0, found=found, cure="Leave sys.modules and __class__ unchanged."
                )
            return judge(Loaded(own.module, own.name, seconds))

        run = partial(_run, code, own.module)
        outcome: Result | Fault = self.guard.run(
            file, "The import", run, NextStep("Reading the signature", judged)
        )
        if isinstance(outcome, Fault):
            for each in prepared:
                each.put_back()
            self.guard.modules.forget(own.name)
            del prepared, own, run, judged, each  # nothing here holds the module any more
            release_files()
        return outcome

    def _prepare(self, file: str) -> list["_Prepared"]:
        """Put the packages and the module of a file into `sys.modules`; the module is the last."""
        *parts, last = file.split("/")
        name, folder = self.prefix, str(self.root)
        prepared = [self._package(name, folder)]
        for part in parts:
            name, folder = f"{name}.{_dotless(part)}", f"{folder}/{part}"
            prepared.append(self._package(name, folder))
        path, twin = f"{folder}/{last}", f"{folder}/{last.removesuffix('.py')}"
        has_twin = isdir(twin)  # noqa: PTH112  a `Path` for each would be slower
        if has_twin:  # `reports.py` beside `reports/`, which needs the plain name for its imports
            prepared.append(self._package(f"{name}.{_dotless(last.removesuffix('.py'))}", twin))
        name = f"{name}.{_dotless(last if has_twin else last.removesuffix('.py'))}"
        module = importlib.util.module_from_spec(ModuleSpec(name, SourceFileLoader(name, path), origin=path))
        module.__file__ = path
        sys.modules[name] = module
        return [*prepared, _Prepared(name, module)]

    def _package(self, name: str, folder: str) -> "_Prepared":
        if name not in sys.modules:
            package = importlib.util.module_from_spec(ModuleSpec(name, None, is_package=True))
            package.__path__ = [folder]
            sys.modules[name] = package
        return _Prepared(name, sys.modules[name])


class _Prepared:
    """A module of `sys.modules` as it was before a file ran.

    Whatever looks at all modules, such as `inspect.getmodule`, asks each for its name and file. A property
    in their place runs the file's code there, which may raise anything.
    """

    def __init__(self, name: str, module: ModuleType) -> None:
        self.name = name
        self.module = module
        self._facts = {key: value for key, value in vars(module).items() if key in _FACTS}

    def put_back(self) -> bool:
        """Restore it, and say whether it was replaced or made another kind of module."""
        is_changed = sys.modules.get(self.name) is not self.module or type(self.module) is not ModuleType
        if is_changed:
            sys.modules[self.name] = self.module
            _set_class(self.module, ModuleType)
        vars(self.module).update(self._facts)
        return is_changed


_FACTS = frozenset({"__name__", "__file__", "__path__", "__spec__", "__loader__", "__package__"})
_set_class = vars(object)["__class__"].__set__  # a class may have a property in its place


def _run(code: CodeType, module: ModuleType) -> None:
    exec(code, module.__dict__)  # noqa: S102 - the point
    getattr(
        module, "__annex_unknown__", None
    )  # a module whose `__getattr__` raises fails here, not elsewhere


def _dotless(part: str) -> str:
    """Python cuts module names at dots; `[...rest]` and `v1.2` keep theirs as a look-alike."""
    return part.replace(".", "\u2024")

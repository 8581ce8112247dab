"""From names in pyproject.toml to a Litestar application; what is broken costs its own routes only."""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, get_args

from litestar import Controller, Router
from litestar.handlers import BaseRouteHandler
from litestar.plugins import PluginProtocol

from runtime.refusal import Refusal
from runtime.routing.importing.guard import Guard
from runtime.routing.matching.tree_app import TreeApp
from runtime.routing.reading.faults import Fault
from runtime.settings.project import FILE, Project

_PLUGINS = get_args(PluginProtocol)


class Extension(NamedTuple):
    """What stands behind one name.

    Attributes:
        name: as it is written in pyproject.toml.
        file: of its module, below the project's folder; pyproject.toml where it is not there.
        handlers: handlers, controllers and routers.
        plugins: instances.
    """

    name: str
    file: str
    handlers: tuple[Any, ...]
    plugins: tuple[Any, ...]


type Make = Callable[[list[Any], list[Any]], TreeApp]
"""Makes the application of handlers and plugins."""


class Extensions:
    """What a project names, imported.

    Args:
        project: what pyproject.toml says.
        folder: the project's.
        budget: seconds that each may take to import, and to be taken in.
        refused: modules that would harm this process, and are not run.
        report: called with each file before it is touched.

    Attributes:
        faults: what is wrong with those that are left out.
        modules: the names of their modules, broken ones too.
        paths: the files of these modules in the project.
    """

    def __init__(
        self,
        project: Project = Project(),  # noqa: B008  # frozen
        folder: Path = Path(),
        *,
        budget: float = 10,
        refused: Iterable[Refusal] = (),
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.faults: list[Fault] = []
        self._guard = Guard(folder, budget, report)
        if project.problem:
            cure = f"Correct {FILE}; until then it names no Litestar handlers."
            self.faults.append(Fault(file=FILE, line=0, found=project.problem, cure=cure))
        if project.litestar and str(self._guard.root) not in sys.path:
            sys.path.append(str(self._guard.root))
        self.modules = frozenset(name.partition(":")[0] for name in project.litestar)
        self.paths = frozenset(self._guard.root / self._file(module) for module in self.modules)
        withheld = {
            each.file: Fault(file=each.file, line=each.line, found=each.found, cure=each.cure)
            for each in refused
        }
        loaded = [self._load(name, withheld) for name in project.litestar]
        self._found = self._sound(loaded)

    @classmethod
    def broken(cls, fault: Fault) -> "Extensions":
        """Return none, for the reason given."""
        none = cls()
        none.faults.append(fault)
        return none

    def app(self, make: Make) -> TreeApp:
        """Return the application; an extension that Litestar does not take becomes a fault."""
        if not self._found:
            return make([], [])
        whole = self._guard.run(FILE, "Taking in all extensions", partial(_made, make, self._found))
        if isinstance(whole, TreeApp):
            return whole
        sound: list[Extension] = []
        for each in self._found:
            taken = self._guard.run(each.file, f"Taking in {each.name}", partial(_made, make, [*sound, each]))
            if isinstance(taken, Fault):
                self.faults.append(taken)
            else:
                sound.append(each)
        self._found = sound
        return _made(make, sound)

    def _load(self, name: str, refused: dict[str, Fault]) -> Extension | Fault:
        module, colon, attribute = name.partition(":")
        file = self._file(module)
        if file in refused:
            return refused[file]
        if not (colon and module and attribute.isidentifier()):
            found = f"{name!r} in [tool.annex] litestar does not name an object."
            return Fault(file=FILE, line=0, found=found, cure='Write it as "module:name".')
        return self._guard.run(file, f"The import of {name}", partial(_read, name, file, module, attribute))

    def _sound(self, loaded: Iterable[Extension | Fault]) -> list[Extension]:
        self.faults += [each for each in loaded if isinstance(each, Fault)]
        return [each for each in loaded if isinstance(each, Extension)]

    def _file(self, module: str) -> str:
        path = module.replace(".", "/")
        return next((name for name in (f"{path}.py", f"{path}/__init__.py") if self._is_here(name)), FILE)

    def _is_here(self, name: str) -> bool:
        return (self._guard.root / name).is_file()


class NoExtension(TypeError):
    """A name stands for something that Litestar cannot take in."""


def _read(name: str, file: str, module: str, attribute: str) -> Extension:
    value = getattr(importlib.import_module(module), attribute)
    handlers: list[Any] = []
    plugins: list[Any] = []
    for each in _flat(value):
        if isinstance(each, BaseRouteHandler | Router) or (
            inspect.isclass(each) and issubclass(each, Controller)
        ):
            handlers.append(each)
        elif isinstance(each, _PLUGINS) and not inspect.isclass(each):
            plugins.append(each)
        elif inspect.isclass(each) and issubclass(each, _PLUGINS):
            plugins.append(each())
        else:
            raise NoExtension(f"{name} is no handler, Controller, Router or plugin, and no list of them")
    return Extension(name, file, tuple(handlers), tuple(plugins))


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for each in value:
            yield from _flat(each)
    else:
        yield value


def _made(make: Make, extensions: Iterable[Extension]) -> TreeApp:
    taken = list(extensions)
    return make(
        [handler for each in taken for handler in each.handlers],
        [plugin for each in taken for plugin in each.plugins],
    )

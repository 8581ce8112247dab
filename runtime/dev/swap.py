"""Hot swap: a saved file is served from the next request on, without a dropped connection.

Only what has changed runs again. A file that is saved broken keeps answering as it last did, and every
answer of it says so. What the runtime itself imports cannot be exchanged safely under it, and asks for a
restart.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

from msgspec.structs import replace

from runtime.app import Application
from runtime.dev.imports import dependents, forget, modules_at
from runtime.dev.watching import CodeWatch
from runtime.refusal import Refusal
from runtime.rehearsal import Rehearsal
from runtime.routing import Fault, RouteTable, discover
from runtime.routing.reading.names import is_private
from runtime.routing.reading.tree import list_files, shape_of
from runtime.routing.table import Route

logger = logging.getLogger(__name__)


class HotSwap:
    """Watches folders for as long as it is entered.

    Args:
        application: what is swapped.
        rehearsal: tries what has changed before it runs in this process.
        refused: what it has refused so far.
        project: the folder that holds `shared` and what else the service's functions import.
        restart: called once when a change needs a restart.
        after: called with the new table after every swap, in a thread of its own.
    """

    def __init__(
        self,
        application: Application,
        *,
        rehearsal: Rehearsal,
        refused: Iterable[Refusal] = (),
        project: Path,
        restart: Callable[[], None],
        after: Callable[[RouteTable], None] | None = None,
    ) -> None:
        self._application = application
        self._rehearsal = rehearsal
        self._refused = {each.file: each for each in refused}
        self._functions = application.settings.functions.resolve()
        self._project = project.resolve()
        self._watch = CodeWatch(self._project, self._functions)
        self._restart = restart
        self._after = after
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._watch.__aenter__()
        self._task = asyncio.create_task(self._follow(), name="hot swap")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._watch.__aexit__()
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _follow(self) -> None:
        while True:
            changed = await self._watch.saved()
            try:
                await self.take(changed)
            except Exception:
                logger.exception("hot swap failed; the last good version keeps serving")

    async def take(self, changed: set[Path]) -> None:
        """Take changed, new and deleted files in."""
        started = time.perf_counter()
        names = {path.relative_to(self._functions).as_posix() for path in changed if self._is_function(path)}
        touched = await self._touched(changed)
        extensions = self._application.extensions
        if changed & extensions.paths or any(
            name.partition(".")[0] == "runtime" or name in extensions.modules for name in touched
        ):
            logger.warning(
                "restarting: %s is imported by the runtime, which cannot be reloaded in place",
                _named(changed),
            )
            self._restart()
            return
        # A function file is a module like any other; the next discovery loads it anew.
        stale = frozenset(names | {file for file, it in self._served().items() if it in touched})
        forget(touched - set(self._served().values()))
        old = self._application.table
        has_other = len(names) < len(changed) or any(is_private(Path(name).name) for name in names)
        new = await asyncio.to_thread(self._discover, old, stale, has_other=has_other)
        self._application.swap(last_good(new, old))
        spent = (time.perf_counter() - started) * 1000
        logger.info("reloaded %s in %.0f ms", _named(changed), spent)
        if self._after:  # which may take seconds where there are many functions
            await asyncio.to_thread(self._after, self._application.table)

    async def _touched(self, changed: set[Path]) -> set[str]:
        """Return the modules that have to run again; as nothing imports a function file, that is quick."""
        modules = modules_at(changed)
        if modules <= set(self._served().values()):
            return modules
        beside = self._project.glob("*.py")  # and not all of it: an environment may be in it
        return await asyncio.to_thread(dependents, modules, (*self._watch.folders, *beside))

    def _discover(self, old: RouteTable, stale: frozenset[str], *, has_other: bool) -> RouteTable:
        self._try(old, stale, has_other=has_other)
        budget = self._application.settings.limits.import_budget
        return discover(
            self._application.settings.functions,
            import_budget=budget,
            previous=old,
            stale=stale,
            refused=self._refused.values(),
            environment=self._application.settings.own,
        )

    def _try(self, old: RouteTable, stale: frozenset[str], *, has_other: bool) -> None:
        """Try what will run anew: what is stale or new, and what was refused where something else changed."""
        known = {*old.files, *(() if has_other else self._refused)} - stale
        new = {file for file in list_files(self._functions)[0] if file not in known}
        found = self._rehearsal.refusals(new)
        kept = {file: each for file, each in self._refused.items() if file not in new}
        self._refused = {**kept, **{each.file: each for each in found}}

    def _is_function(self, path: Path) -> bool:
        return path.is_relative_to(self._functions)

    def _served(self) -> dict[str, str]:
        """Return the module name of each imported function file."""
        files = self._application.table.files
        return {file: each.loaded.name for file, each in files.items() if each.loaded}


def last_good(new: RouteTable, old: RouteTable) -> RouteTable:
    """Return `new`, in which a file that is broken now keeps the routes that it served in `old`."""
    if not new.faults:
        return new
    causes: dict[str, Fault] = {}
    for fault in new.faults:
        causes.setdefault(fault.file, fault)
    served = {_key(route) for route in new.routes if route.operation}
    kept = {
        _key(route): _noted(route, causes[route.endpoint.file])
        for route in old.routes
        if route.operation and route.endpoint.file in causes and _key(route) not in served
    }
    others = [route for route in new.routes if _key(route) not in kept]
    routes = [_noted(route, causes.get(route.endpoint.file)) for route in others]
    return RouteTable(new.root, [*routes, *kept.values()], new.faults, new.files, jobs=new.jobs)


def _key(route: Route) -> tuple[str, str]:
    return route.endpoint.method, shape_of(route.segments)


def _noted(route: Route, fault: Fault | None) -> Route:
    """Let a route's responses name what is wrong with its file."""
    if fault is None:
        return route
    return replace(route, note=f"{fault} This is the last good version." if route.operation else str(fault))


def _named(changed: Iterable[Path]) -> str:
    names = sorted(path.name for path in changed)
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")

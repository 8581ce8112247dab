"""What all files of a process share, restored after a file has run where the file changed it.

A file that takes built-in functions away takes the means of putting them back as well, so they come first and
need none. The recursion limit comes before: under a low one, `restore` itself could not be called.
"""

import builtins
import faulthandler
import gc
import os
import resource
import sys
import threading
import warnings
from collections.abc import Callable
from operator import is_
from os import environb  # noqa: TID251  put back, and read for nothing else; as text it takes twice as long
from typing import Any, NamedTuple

from runtime.routing.importing import interpreter, log
from runtime.routing.importing.identity import Identified, has, identified
from runtime.routing.importing.libraries import Libraries
from runtime.routing.importing.module_list import ModuleList

_BUILTINS = builtins.__dict__
_all, _map = all, map  # bound here: a file may take them away
_STREAMS = ("stdin", "stdout", "stderr")
_LISTS = ("path", "meta_path", "path_hooks")


_CANCEL_EXIT = faulthandler.cancel_dump_traceback_later
"""A timer of faulthandler's would end the process long after the file that has set it."""


class Change(NamedTuple):
    """One thing that was changed, as the object of a sentence, and what to do instead."""

    what: str
    cure: str


class Surroundings:
    """The surroundings as they are now; `limit` is the recursion limit.

    Attributes:
        is_left: the file was given up, and they have been put back: what it still does counts no more.
        is_same: nothing is otherwise than before, so that they serve for the next file as well.

    Args:
        libraries: what all files rely on.
        modules: what is loaded.
    """

    def __init__(self, libraries: Libraries, modules: ModuleList) -> None:
        self.limit = sys.getrecursionlimit()
        self.is_left = False
        self.is_same = True
        self._libraries = libraries
        self._modules = modules
        modules.look()
        self._builtins = _BUILTINS.copy()
        self._kept = [(kept, kept.read()) for kept in _KEPT]
        self._settings = interpreter.read()

    def restore_builtins(self, limit: int) -> list[Change]:
        """Put back what no code can do without, and return what was not as before.

        Args:
            limit: what the recursion limit was until the caller put it back.
        """
        _CANCEL_EXIT()
        changes: list[Change] = []
        held = self._builtins
        if (
            limit == self.limit
            and _BUILTINS.keys() == held.keys()
            and _all(_map(is_, _BUILTINS.values(), held.values()))
        ):
            return changes
        self.is_same = False
        lost = [name for name, each in held.items() if _BUILTINS.get(name) is not each]
        _BUILTINS.update(held)
        if limit != self.limit:
            changes.append(Change("the recursion limit", "Write a loop where recursion goes too deep."))
        if any(name != "_" for name in lost):  # the interactive interpreter's, and gettext's
            changes.append(Change("Python's built-in functions", "Use another name for your own function."))
        return changes

    def restore(self, limit: int) -> list[Change]:
        """Put everything back, and return what was not as before; `limit` as above."""
        changes = self.restore_builtins(limit)
        if self._libraries.restore():
            cure = "Use another name for your own function."
            changes.append(Change("functions of other libraries", cure))
        if self._modules.put_back():
            changes.append(Change("the loaded modules (sys.modules)", "Do not remove entries."))
        for kept, before in self._kept:
            if not kept.is_as(before):
                self.is_same = False
                if kept.put_back(before):
                    changes.append(kept.change)
        changed = interpreter.put_back(self._settings)
        changes += [Change(what, "Set it for your own code alone, in a handler.") for what in changed]
        self.is_same = self.is_same and not changes
        return changes


class _Kept(NamedTuple):
    """How to read one thing, and how to put it back: true where that was needed."""

    read: Callable[[], Any]
    put_back: Callable[[Any], bool]
    change: Change

    def is_as(self, before: Any) -> bool:
        """Say whether nothing at all is different; not even what a file may add."""
        try:
            return bool(self.read() == before)
        except Exception:  # noqa: BLE001 - a file may have put anything there
            return False


def _folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - `Path` would fail in the same way and be slower
    except OSError:
        return None


def _folder_back(before: str | None) -> bool:
    if before == _folder():
        return False
    os.chdir(before or "/")
    return True


def _umask() -> int:
    current = os.umask(0o077)  # it can be read only by setting it; meanwhile nothing is open to others
    os.umask(current)
    return current


def _umask_back(before: int) -> bool:
    return os.umask(before) != before


def _streams() -> tuple[Identified, list[bool]]:
    found = [getattr(sys, name, None) for name in _STREAMS]
    return identified(*found), [each is not None and each.closed for each in found]


def _streams_back(before: tuple[Identified, list[bool]]) -> bool:
    is_changed = False
    for number, (name, (_, stream)) in enumerate(zip(_STREAMS, before[0], strict=True)):
        kept = stream
        if stream is not None and stream.closed:
            kept = open(number, "w" if number else "r", closefd=False)  # noqa: SIM115 - lives on
        if getattr(sys, name, None) is not kept:
            setattr(sys, name, kept)
            is_changed = True
    return is_changed


def search_lists() -> list[Identified]:
    """Return each list, and behind it what it holds."""
    return [identified(found, *found) for found in (getattr(sys, name) for name in _LISTS)]


def search_lists_back(before: list[Identified]) -> bool:
    """Put back what is missing; a file may add to them."""
    is_changed = False
    for name, each in zip(_LISTS, before, strict=True):
        (_, found), *rest = each
        held = [one for _, one in rest]
        now: Any = getattr(sys, name, None)
        is_kept = now is found and all(has(now, one) for one in held)
        if not is_kept:
            setattr(sys, name, found)
            found[:] = [*held, *(one for one in found if not has(held, one))]
            is_changed = True
    return is_changed


def _traces() -> Identified:
    return identified(threading.gettrace(), threading.getprofile())


def _traces_back(before: Identified) -> bool:
    is_changed = _traces() != before
    (_, trace), (_, profile) = before
    threading.settrace(trace)
    threading.setprofile(profile)
    return is_changed


def _interval_back(before: float) -> bool:
    if sys.getswitchinterval() == before:
        return False
    sys.setswitchinterval(before)
    return True


def _filters() -> list[Any]:
    return [*warnings.filters]


def _filters_back(before: list[Any]) -> bool:
    """Put the filters of warnings back where one is missing, or more of them raise; a file may add others."""
    now = [*warnings.filters]
    raising = [each for each in now if each[0] == "error"]
    raises_more = any(each not in before or now.index(each) < before.index(each) for each in raising)
    if not raises_more and all(each in now for each in before):
        return False
    warnings.filters[:] = before  # type: ignore[index]  # a list, which `catch_warnings` relies on as well
    return True


def release_files() -> None:
    """Let go of the files that a module kept open which is gone, where they are many."""
    if _open_files() > _most_files() // 2:
        gc.collect()  # a module and its functions refer to each other


def _open_files() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  a `Path` for each would be slower
    except FileNotFoundError:  # not Linux
        return 0
    except OSError:  # there is no descriptor left to look with
        return _most_files()


def _most_files() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _keeps_many_files(before: int) -> bool:
    """Whether a file keeps a quarter of what the process may have open; nothing can be put back here."""
    return _open_files() - before > _most_files() // 4


def _environment() -> dict[bytes, bytes]:
    return {**environb}


def _environment_back(before: dict[bytes, bytes]) -> bool:
    """Put back variables that are missing or have another value; a file may add to them."""
    now = {**environb}
    lost = {name: value for name, value in before.items() if now.get(name) != value}
    environb.update(lost)
    return bool(lost)


_KEPT = (
    _Kept(
        _folder,
        _folder_back,
        Change("the process's working directory", "Build paths from Path(__file__).parent."),
    ),
    _Kept(_umask, _umask_back, Change("the process's umask", "Set the mode of each file when creating it.")),
    _Kept(
        _streams,
        _streams_back,
        Change("the standard streams", "Use contextlib.redirect_stdout, which restores them."),
    ),
    _Kept(_traces, _traces_back, Change("the tracing of threads", "Trace in a test or a debugger.")),
    _Kept(
        search_lists, search_lists_back, Change("the module search path (sys.path)", "Do not remove entries.")
    ),
    _Kept(
        sys.getswitchinterval,
        _interval_back,
        Change("the interval at which threads switch", "Do not change it."),
    ),
    _Kept(
        _open_files,
        _keeps_many_files,
        Change(
            "the number of open files: it keeps more than a quarter of what the process may have open",
            "Close them, or open them in the handler.",
        ),
    ),
    _Kept(log.read, log.put_back, Change("the service's log", "Configure only loggers of your own.")),
    _Kept(
        _filters,
        _filters_back,
        Change("what warnings do", "Use warnings.catch_warnings, which restores the filters."),
    ),
    _Kept(
        _environment,
        _environment_back,
        Change("the process's environment", "Pass the value to the call that needs it."),
    ),
)

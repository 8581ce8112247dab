"""What every function in this worker stands on, put back where a call took it away from all of them.

Only what no call changes for a while and puts back itself: a working directory or a variable of the
environment may be another for the length of a call.
"""

import builtins
import sys
from typing import Any

from runtime.routing.importing import interpreter, log
from runtime.routing.importing.libraries import Libraries
from runtime.routing.importing.module_list import ModuleList
from runtime.routing.importing.surroundings import search_lists, search_lists_back
from runtime.telemetry import text_on

STREAMS = ("stdout", "stderr")


class Ground:
    """Built-in functions, libraries, modules, streams, the log, settings, as they are now."""

    def __init__(self) -> None:
        self._builtins = vars(builtins).copy()
        self._libraries, self._modules = Libraries(), ModuleList()
        self._modules.look()
        self._search = search_lists()
        self._outlets = {name: getattr(sys, name).buffer for name in STREAMS}
        self._recursion = sys.getrecursionlimit()
        self._log = log.read()
        self._settings = interpreter.read()

    def put_back(self) -> list[str]:
        """Put back what is missing or unusable; return what that was, in words."""
        looks = (
            ("the recursion limit (sys.setrecursionlimit)", self._recursion_back()),
            ("Python's built-in functions", self._builtins_back()),
            ("functions of other libraries", self._libraries.restore()),
            ("the loaded modules (sys.modules)", self._modules.put_back()),
            ("the module search path (sys.path)", search_lists_back(self._search)),
            ("the service's log", log.put_back(self._log)),
        )
        changed = [what for what, is_changed in looks if is_changed]
        return [*changed, *self._streams_back(), *interpreter.put_back(self._settings)]

    def _recursion_back(self) -> bool:
        is_low = sys.getrecursionlimit() < self._recursion
        if is_low:
            sys.setrecursionlimit(self._recursion)
        return is_low

    def _streams_back(self) -> list[str]:
        lost = [name for name in STREAMS if not _is_usable(getattr(sys, name, None))]
        for name in lost:
            setattr(sys, name, text_on(self._outlets[name]))
        return [f"sys.{name}" for name in lost]

    def _builtins_back(self) -> bool:
        now = vars(builtins)
        lost = {name: each for name, each in self._builtins.items() if now.get(name) is not each}
        now.update(lost)
        return any(name != "_" for name in lost)  # the interactive interpreter's, and gettext's


def _is_usable(stream: Any) -> bool:
    try:  # what a function writes to need not know whether it is closed
        return stream is not None and not getattr(stream, "closed", False)
    except Exception:  # noqa: BLE001  # its buffer was detached, or it is an object of the function's own
        return False

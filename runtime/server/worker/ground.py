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
from runtime.telemetry import text_on

STREAMS = ("stdout", "stderr")


class Ground:
    """Built-in functions, libraries, modules, streams, the log, settings, as they are now."""

    def __init__(self) -> None:
        self._builtins = vars(builtins).copy()
        self._libraries, self._modules = Libraries(), ModuleList()
        self._modules.look()
        self._outlets = {name: getattr(sys, name).buffer for name in STREAMS}
        self._recursion = sys.getrecursionlimit()
        self._log = log.read()
        self._settings = interpreter.read()

    def put_back(self) -> list[str]:
        """Put back what is missing or unusable; return what that was, in words."""
        changed = []
        if sys.getrecursionlimit() < self._recursion:
            sys.setrecursionlimit(self._recursion)
            changed.append("the recursion limit (sys.setrecursionlimit)")
        if self._put_builtins_back():
            changed.append("Python's built-in functions")
        if self._libraries.restore():
            changed.append("functions of other libraries")
        if self._modules.put_back():
            changed.append("the loaded modules (sys.modules)")
        for name, outlet in self._outlets.items():
            if not _is_usable(getattr(sys, name, None)):
                setattr(sys, name, text_on(outlet))
                changed.append(f"sys.{name}")
        if log.put_back(self._log):
            changed.append("the service's log")
        return [*changed, *interpreter.put_back(self._settings)]

    def _put_builtins_back(self) -> bool:
        now = vars(builtins)
        lost = {name: each for name, each in self._builtins.items() if now.get(name) is not each}
        now.update(lost)
        return any(name != "_" for name in lost)  # the interactive interpreter's, and gettext's


def _is_usable(stream: Any) -> bool:
    try:
        return stream is not None and not stream.closed
    except ValueError:  # its buffer was detached
        return False

"""The entries of `sys.modules`, put back where a file removes some; it may add to them."""

import sys
from itertools import islice
from typing import Any


class ModuleList:
    """What is loaded, as far as it has been looked at.

    A dict keeps its order: if what was its last entry still has as many in front of it, none was removed. So
    only what was added is looked at, as thousands of modules would take longer than a usual import.
    """

    def __init__(self) -> None:
        self._modules = sys.modules
        self._held: dict[str, Any] = {}
        self._last: Any = None

    def look(self) -> None:
        """Take what is loaded now for what must stay."""
        if sys.modules is not self._modules or not self._is_whole():
            self._modules, self._held = sys.modules, {}
        added = len(self._modules) - len(self._held)
        self._held.update(reversed([*islice(reversed(self._modules.items()), added)]))
        self._last = next(reversed(self._held), None)

    def put_back(self) -> bool:
        """Put back what was removed, and say whether anything was."""
        if sys.modules is self._modules and (self._is_whole() or self._held.keys() <= self._modules.keys()):
            return False
        sys.modules = self._modules
        lost = {name: module for name, module in self._held.items() if name not in self._modules}
        self._modules.update(lost)
        return True

    def forget(self, name: str) -> None:
        """Take an entry out, and hold its module no longer: it may keep thousands of files open."""
        for modules in (sys.modules, self._modules, self._held):
            modules.pop(name, None)
        self._last = next(reversed(self._held), None)

    def _is_whole(self) -> bool:
        added = len(self._modules) - len(self._held)
        return added >= 0 and next(islice(reversed(self._modules), added, None), None) is self._last

"""The limits of the process, which a function shares with everybody in its worker."""

import logging
import resource
import sys

logger = logging.getLogger(__name__)

KEPT = ("NOFILE", "NPROC", "AS", "DATA", "FSIZE", "STACK")  # each of them can leave a worker without use
_SET = frozenset({"resource.setrlimit", "resource.prlimit"})
"""Audit events (docs.python.org/3/library/audit_events.html)."""
CHANGED = (
    "a limit of the process (RLIMIT_%s) was changed during a call of %s, and it is the whole worker's;"
    " remove the call of resource.setrlimit, or set it in a child"
)


class ResourceLimits:
    """The limits, kept against functions as they are when `watch` is called."""

    def __init__(self) -> None:
        self._is_touched = False
        self._own: list[tuple[str, int, tuple[int, int]]] = []

    def watch(self) -> None:
        """Notice from now on that a limit is set: asking the system after each call would cost every call."""
        known = {name: getattr(resource, f"RLIMIT_{name}", None) for name in KEPT}
        self._own = [
            (name, each, resource.getrlimit(each)) for name, each in known.items() if each is not None
        ]
        sys.addaudithook(self._heard)

    def _heard(self, event: str, _: object) -> None:
        if event in _SET:
            self._is_touched = True

    def keep(self, file: str) -> bool:
        """Put back what a function has changed; return False where the system does not let us.

        Args:
            file: the function that has just run.
        """
        if not self._is_touched:
            return True
        self._is_touched = False
        is_kept = True
        for name, each, own in self._own:
            if resource.getrlimit(each) == own:
                continue
            logger.error(CHANGED, name, file, extra={"function": file})
            try:
                resource.setrlimit(each, own)
            except (OSError, ValueError):  # only root may raise a hard limit
                is_kept = False
        self._is_touched = not is_kept
        return is_kept

"""The limits of the process, which a function shares with everybody in its worker."""

import logging
import resource

logger = logging.getLogger(__name__)

KEPT = ("NOFILE", "NPROC", "AS", "DATA", "FSIZE", "STACK")  # each of them can leave a worker without use
CHANGED = (
    "a limit of the process (RLIMIT_%s) was changed during a call of %s, and it is the whole worker's;"
    " remove the call of resource.setrlimit, or set it in a child"
)


class Limits:
    """The limits as they are now, kept against functions."""

    def __init__(self) -> None:
        known = {name: getattr(resource, f"RLIMIT_{name}", None) for name in KEPT}
        self._own = [
            (name, each, resource.getrlimit(each)) for name, each in known.items() if each is not None
        ]

    def keep(self, file: str) -> bool:
        """Put back what a function has changed; return False where the system does not let us.

        Args:
            file: the function that has just run.
        """
        is_kept = True
        for name, each, own in self._own:
            if resource.getrlimit(each) == own:
                continue
            logger.error(CHANGED, name, file, extra={"function": file})
            try:
                resource.setrlimit(each, own)
            except (OSError, ValueError):  # only root may raise a hard limit
                is_kept = False
        return is_kept

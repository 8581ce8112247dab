"""Why a worker ended, and what it was running: from its status, its stacks and its ledger."""

import contextlib
import signal
import time
from typing import NamedTuple

from .blame.deaths import Death
from .blame.stacks import Culprit, culprit
from .child import Child

MEMORY_EVENTS = (  # the container's in two forms, and the machine's, which counts both
    "/sys/fs/cgroup/memory.events",
    "/sys/fs/cgroup/memory/memory.oom_control",
    "/proc/vmstat",
)


class End(NamedTuple):
    """The end of a worker.

    Attributes:
        death: what is counted.
        culprit: the place in a function file that it was running, None where that was not seen.
    """

    death: Death
    culprit: Culprit | None

    @property
    def running(self) -> str:
        """What it was running, in words."""
        if self.culprit:
            return f"{self.culprit.place} was running"
        files = [each.file for each in self.death.suspects]
        if not files:
            return "no call was under way"
        more = f" and {len(files) - 5} more" if len(files) > 5 else ""
        return f"calls were under way in {', '.join(files[:5])}{more}"


class Ends:
    """Examines ended workers.

    Args:
        functions: the folder of the function files, absolute.
    """

    def __init__(self, functions: str) -> None:
        self._functions = functions
        self._kills = _memory_kills()

    def examine(self, child: Child, code: int) -> End:
        """Return what is known of a worker that ended with `code`, negative for a signal."""
        found = culprit(child.stacks(), self._functions, busy=child.busy_thread)
        suspects = child.ledger.under_way(child.files)
        is_outside, cause = (False, child.cause) if child.cause else self._cause(code)
        file = found.place.file if found else ""
        return End(Death(time.monotonic(), cause, file, () if is_outside else suspects), found)

    def _cause(self, code: int) -> tuple[bool, str]:
        """Return whether the cause is outside of the service, and the cause in words."""
        if code >= 0:
            return False, f"ended with status {code}"
        if code != -signal.SIGKILL:
            return False, f"was ended by {signal.Signals(-code).name}"
        before, self._kills = self._kills, _memory_kills()
        if self._kills is None or before is None:
            return False, "was ended by SIGKILL, as a container does that is out of memory"
        if self._kills > before:
            return False, "ran out of memory (SIGKILL)"
        return True, "was ended by SIGKILL from outside"


def _memory_kills() -> int | None:
    """Return how many processes the system has ended for their memory, None where it does not say."""
    for path in MEMORY_EVENTS:
        with contextlib.suppress(OSError), open(path, encoding="ascii") as events:  # noqa: PTH123  # pathlib is not small
            for line in events:
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    return int(count)
    return None

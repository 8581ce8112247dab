"""Which thread of a process has the processor: of those that wait for each other, the one they wait for."""

import contextlib
import os

SHARE = 0.5  # of the time between two looks that a busy thread has had the processor at least
TICKS = os.sysconf("SC_CLK_TCK")  # a second


def spent(process: int) -> dict[int, int]:
    """Return the ticks that each thread of a process has had the processor; empty where nothing tells."""
    found = {}
    folder = f"/proc/{process}/task"
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208  # pathlib is not small
            with open(f"{folder}/{name}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123  # likewise
                fields = file.read().rpartition(") ")[2].split()  # the name before may contain anything
            found[int(name)] = int(fields[11]) + int(fields[12])
    return found


def busiest(before: dict[int, int], after: dict[int, int], *, seconds: float) -> int | None:
    """Return the thread that had the processor for most of `seconds`, None where none had."""
    ticks = {thread: after[thread] - before.get(thread, 0) for thread in after}
    most = max(ticks, key=lambda thread: ticks[thread], default=None)
    return most if most is not None and ticks[most] >= SHARE * seconds * TICKS else None

"""Which thread of a process has the processor: of those that wait for each other, the one they wait for."""

import contextlib
import os


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


def busiest(before: dict[int, int], after: dict[int, int]) -> int | None:
    """Return the thread that has had the processor more than all others together; None if none."""
    ticks = {thread: after[thread] - before.get(thread, 0) for thread in after}
    most = max(ticks, key=lambda thread: ticks[thread], default=None)
    return most if most is not None and 2 * ticks[most] > sum(ticks.values()) else None

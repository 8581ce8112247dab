"""How much memory one more process may use before the machine or the container has none left."""

import os
from pathlib import Path

_OF_CONTAINER = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
SHARE = 0.9


def available() -> int:
    """Return bytes; 0 where the system does not tell."""
    known = [*_of_machine(), *_of_container()]
    return int(min(known) * SHARE) if known else 0


def _of_machine() -> list[int]:
    try:
        return [os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") + _cached()]
    except (OSError, ValueError):
        return []


def _cached() -> int:
    """Return the bytes of the page cache, which gives way."""
    lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    facts = dict(line.split(":", 1) for line in lines)
    return int(facts.get("Cached", "0 kB").split()[0]) << 10


def _of_container() -> list[int]:
    found = []
    for path in _OF_CONTAINER:
        try:
            found.append(int(path.read_text("ascii")))
        except (OSError, ValueError):  # not this kind of container, or "max"
            continue
    return found

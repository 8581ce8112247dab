"""From the command line to the parent process: what it is told, and how this process becomes it."""

import contextlib
import os
import sys
from pathlib import Path
from typing import NoReturn

from runtime.server.budget import stop_budget
from runtime.server.parent.given import Given
from runtime.settings import Settings

CPU_QUOTA = Path("/sys/fs/cgroup/cpu.max")
GRACE = 1.0  # seconds in which an interrupted call gives the loop back
BEGIN = """
import sys
sys.path.insert(0, sys.argv[1])
from parent.main import main
del sys.path[0]
sys.exit(main(sys.argv[2]))
"""


def become_parent(settings: Settings) -> NoReturn:
    """Replace this process, its imports with it, by the parent of the service.

    Signals that come meanwhile are held back since the command began, and the parent hears them.
    """
    program = [sys.executable, *sys.orig_argv[1:], "--worker"]
    room = str(Path(__file__).parent)
    command = [sys.executable, "-P", "-c", BEGIN, room, given(settings, program).encode()]
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os.execv(sys.executable, command)  # noqa: S606  # no shell, and nothing in it comes from a caller


def given(settings: Settings, program: list[str]) -> Given:
    """Return what the parent is told; `program` is the command of a worker."""
    form = settings.telemetry.log_format
    return Given(
        program=program,
        functions=str(settings.functions.resolve()),
        host=settings.host,
        port=settings.port,
        workers=worker_count(settings.limits.workers),
        spare=settings.limits.spare,
        silence=silence_limit(settings),
        budget=stop_budget(settings),
        level=settings.telemetry.log_level,
        as_json=form == "json" or (form is None and settings.is_production),
        jobs=job_worker(settings),
    )


def job_worker(settings: Settings) -> tuple[str, ...]:
    """Return the command that does queued work beside the workers; none without a queue."""
    if settings.redis_url is None or not settings.work.is_served:
        return ()
    return (sys.executable, "-m", "runtime.commands.cli", "work", "--parent")


def worker_count(wanted: str) -> int:
    """Return how many workers `ANNEX_WORKERS` asks for; `auto` is one for each core that there is to use."""
    if wanted != "auto":
        return int(wanted)
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    with contextlib.suppress(OSError, ValueError):
        quota, period = CPU_QUOTA.read_text("ascii").split()
        cores = min(cores, int(quota) / int(period))  # a quota of `max` is no number
    return max(1, int(cores))


def silence_limit(settings: Settings) -> float:
    """Return the seconds after which a silent worker is replaced, 0 for never.

    In development never: a breakpoint is no hang.
    """
    limits = settings.limits
    stalled = limits.stall + GRACE if limits.stall else 0.0
    return (
        0.0
        if settings.environment == "development"
        else min(filter(None, (stalled, limits.hang_timeout)), default=0.0)
    )

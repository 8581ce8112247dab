"""Notices a blocked event loop and logs which function blocks it.

One blocking call in an `async def` stops every request of the process, and nothing that runs on the loop can
report it; so a thread schedules a callback and waits for it. A process that is blocked for too long ends
itself, because a platform that checks health only at a deploy would keep it running.
"""

import logging
import os
import sys
import threading
import time
from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NamedTuple, Self

from runtime.telemetry.logs import last_words

logger = logging.getLogger("annex.watchdog")  # telemetry's own loggers are filtered

INTERVAL = 0.5  # seconds between two checks
REPORT_AFTER = 1.0  # seconds without an answer
EXIT_STATUS = 70  # EX_SOFTWARE: the platform sees a failure and restarts the process
BLOCKED = "event loop blocked in %s (running %s); move the blocking call to a plain `def` handler"
ENDING = "event loop blocked for %g s; ending the process (ANNEX_HANG_TIMEOUT)"


class Place(NamedTuple):
    """Where a thread is: file, line, name of the code."""

    file: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} ({self.name})"


class Watchdog:
    """A context manager, entered on the loop that it watches.

    Args:
        functions: the folder whose files are named before anything they call.
        report_after: seconds until a blocked loop is logged.
        limit: seconds until the process ends itself; 0 for never.
        end: ends the process.
    """

    def __init__(
        self,
        functions: Path,
        *,
        report_after: float = REPORT_AFTER,
        limit: float = 0,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self._functions = functions.resolve()
        self._report_after = report_after
        self._limit = limit
        self._end = end
        self._alive = threading.Event()
        self._stopped = threading.Event()
        self._loop: AbstractEventLoop
        self._watched = 0

    def __enter__(self) -> Self:
        self._loop = get_running_loop()
        self._watched = threading.get_ident()
        threading.Thread(target=self._watch, name="annex-watchdog", daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopped.set()
        self._alive.set()

    def _watch(self) -> None:
        while not self._stopped.wait(INTERVAL):
            self._alive.clear()
            asked = time.monotonic()
            try:
                self._loop.call_soon_threadsafe(self._alive.set)
            except RuntimeError:  # the loop is closed
                return
            if not self._alive.wait(self._report_after):
                self._report(asked)

    def _report(self, asked: float) -> None:
        """Log once what blocks the loop, and wait until it runs again."""
        culprit, innermost = self._where()
        extra = {"function": culprit.file, "line": culprit.line}
        last_words(lambda: logger.error(BLOCKED, culprit, innermost, extra=extra))
        while not self._alive.wait(0.1):
            if self._limit and time.monotonic() - asked > self._limit:
                last_words(lambda: logger.critical(ENDING, self._limit, extra=extra))
                self._end(EXIT_STATUS)
                return
        logger.warning("event loop running again after %.1f s", time.monotonic() - asked, extra=extra)

    def _where(self) -> tuple[Place, Place]:
        frame = sys._current_frames().get(self._watched)  # noqa: SLF001  # the only way to ask
        return culprit(places(frame), self._functions)


def places(frame: FrameType | None) -> list[Place]:
    """Return where each frame is, the innermost first."""
    found = []
    while frame is not None:
        found.append(Place(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return found


def culprit(found: Sequence[Place], functions: Path) -> tuple[Place, Place]:
    """Return the innermost place inside the folder `functions` (or of all), and the innermost of all."""
    innermost = found[0] if found else Place("?", 0, "?")
    ours = next((place for place in found if Path(place.file).is_relative_to(functions)), None)
    if ours is None:
        return innermost, innermost
    return ours._replace(file=str(Path(ours.file).relative_to(functions))), innermost

"""The parent's log lines, in the two forms that the service's own lines have."""

import contextlib
import json
import os
import select
import time

LEVELS = ("debug", "info", "warning", "error")
NAMES = {"warning": "warn"}
MAX_LINE = 4000  # bytes: a pipe that is ready for writing takes as many without blocking
LOGGER = "annex.parent"


class ParentLog:
    """Writes lines to standard output, and leaves one out where nobody reads them."""

    def __init__(self, *, level: str, as_json: bool) -> None:
        self._least = LEVELS.index(level)
        self._as_json = as_json
        self._dropped = 0

    def say(self, level: str, message: str, **more: object) -> None:
        """Write a line with the members `more`, those without a value left out."""
        if LEVELS.index(level) < self._least:
            return
        if self._dropped and self._put("error", "log lines were dropped here", {"left_out": self._dropped}):
            self._dropped = 0
        self._dropped += not self._put(level, message, {key: value for key, value in more.items() if value})

    def _put(self, level: str, message: str, more: dict[str, object]) -> bool:
        line = self._line(level, message, more)
        while len(line.encode()) > MAX_LINE and more:  # the longest gives way
            longest = max(more, key=lambda key: len(str(more[key])))
            more = {key: value for key, value in more.items() if key != longest}
            line = self._line(level, message, more)
        poll = select.poll()
        with contextlib.suppress(OSError):
            poll.register(1, select.POLLOUT)
            if poll.poll(0):
                os.write(1, line.encode(errors="backslashreplace"))
                return True
        return False

    def _line(self, level: str, message: str, more: dict[str, object]) -> str:
        now = time.time()
        milliseconds = f"{int(now % 1 * 1000):03}"
        if self._as_json:
            moment = time.strftime(f"%Y-%m-%dT%H:%M:%S.{milliseconds}Z", time.gmtime(now))
            own = {"level": NAMES.get(level, level), "message": message, "time": moment, "logger": LOGGER}
            return json.dumps({**own, **more}, separators=(",", ":")) + "\n"
        moment = time.strftime(f"%H:%M:%S.{milliseconds}", time.gmtime(now))
        details = " ".join(f"{key}={value}" for key, value in more.items())
        return f"{moment} {level.upper():<8} {message}  {LOGGER} {details}".rstrip() + "\n"

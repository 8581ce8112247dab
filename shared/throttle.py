"""At most so many events in a time: log lines, retries, requests that callers can cause."""

import time
from collections.abc import Callable


class Throttle:
    """Admits `limit` events in each period of `seconds` and counts the rest."""

    __slots__ = ("_admitted", "_clock", "_left_out", "_limit", "_seconds", "_since")

    def __init__(
        self, limit: int = 1, *, seconds: float = 1, clock: Callable[[], float] | None = None
    ) -> None:
        self._limit = limit
        self._seconds = seconds
        self._clock = clock or time.monotonic
        self._since = float("-inf")
        self._admitted = 0
        self._left_out = 0

    def admit(self) -> int | None:
        """Return how many events were left out before this one, None when this one is left out too."""
        now = self._clock()
        if now - self._since >= self._seconds:
            self._since, self._admitted = now, 0
        if self._admitted >= self._limit:
            self._left_out += 1
            return None
        self._admitted += 1
        return self.take()

    def take(self) -> int:
        """Return how many events were left out since they were last counted."""
        left_out, self._left_out = self._left_out, 0
        return left_out

    def wait(self) -> float:
        """Return the seconds until an event is admitted again, 0 when one is admitted now."""
        return max(0.0, self._since + self._seconds - self._clock()) if self._admitted >= self._limit else 0.0

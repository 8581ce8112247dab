"""How many lines of one kind a second may have."""

import time


class LineRate:
    """Admits `rate` lines a second and counts the rest."""

    __slots__ = ("_admitted", "_left_out", "_rate", "_second")

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._second = 0
        self._admitted = 0
        self._left_out = 0

    def admit(self) -> int | None:
        """Return how many lines were left out before this one, None when this one is left out too."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._admitted = second, 0
        if self._admitted >= self._rate:
            self._left_out += 1
            return None
        self._admitted += 1
        return self.take()

    def take(self) -> int:
        """Return how many lines were left out since they were last counted."""
        left_out, self._left_out = self._left_out, 0
        return left_out

"""Memory that a worker shares with its parent: when it last lived, and which files are under way.

It is read after the worker has died without a word, so each write is one store and needs no end.
"""

import mmap
import os
from array import array
from collections.abc import Sequence
from typing import NamedTuple

from .memory import anonymous

SIZE = 1 << 20  # bytes; a page takes memory once it is written to
RUNNING, BEGUN, LATEST, FIELDS = 0, 1, 2, 3
THREADS = 128  # of a worker, as many as are recorded
HEADER = 8 + 2 * THREADS  # numbers before those of the first file


class UnderWay(NamedTuple):
    """A file whose calls were under way.

    Attributes:
        file: path below the functions folder.
        begun: its calls since the worker started.
        latest: the place of its latest call among all calls.
    """

    file: str
    begun: int
    latest: int


def create() -> int:
    """Return the descriptor of new memory."""
    descriptor = anonymous("annex-ledger")
    os.ftruncate(descriptor, SIZE)
    return descriptor


class Ledger:
    """One worker's memory, seen from either side.

    Args:
        descriptor: from `create`; stays open.

    Attributes:
        calls: how many this process has begun.
    """

    LIMIT = (SIZE // 8 - HEADER) // FIELDS
    """How many files there can be; further ones are not recorded."""

    def __init__(self, descriptor: int) -> None:
        view = memoryview(mmap.mmap(descriptor, SIZE))
        self._moments = view[:64].cast("d")
        self._threads = view[64 : HEADER * 8].cast("Q")
        self._numbers = view[HEADER * 8 :].cast("Q")
        self.calls = 0

    @property
    def beat(self) -> float:
        """When the worker last lived (`time.monotonic`); 0 before its first beat."""
        return self._moments[0]

    @beat.setter
    def beat(self, moment: float) -> None:
        self._moments[0] = moment

    @property
    def threads(self) -> dict[int, int]:
        """The number that the system gives a thread, by the one that Python gives it."""
        pairs = self._threads.tolist()
        return {name: number for name, number in zip(pairs[::2], pairs[1::2], strict=True) if name}

    @threads.setter
    def threads(self, numbers: dict[int, int]) -> None:
        pairs = array("Q", [number for pair in numbers.items() for number in pair][: 2 * THREADS])
        if len(pairs) < 2 * THREADS:
            pairs.append(0)
        self._threads[: len(pairs)] = memoryview(pairs)  # at once: two threads may write

    def begin(self, index: int) -> None:
        """Note that a call of the file at `index` begins."""
        first, numbers = index * FIELDS, self._numbers
        self.calls += 1
        numbers[first + BEGUN] += 1
        numbers[first + LATEST] = self.calls
        numbers[first] += 1

    def end(self, index: int) -> None:
        """Note that it is over."""
        self._numbers[index * FIELDS] -= 1

    def called_since(self, call: int, files: Sequence[str]) -> list[str]:
        """Return the files that have had calls under way since `calls` was `call`."""
        numbers = self._numbers
        return [
            file
            for index, file in enumerate(files[: self.LIMIT])
            if numbers[index * FIELDS + LATEST] > call or numbers[index * FIELDS + RUNNING]
        ]

    def under_way(self, files: Sequence[str]) -> list[UnderWay]:
        """Return the files that have calls under way, the one that began last first."""
        numbers = self._numbers
        found = [
            UnderWay(file, numbers[index * FIELDS + BEGUN], numbers[index * FIELDS + LATEST])
            for index, file in enumerate(files[: self.LIMIT])
            if numbers[index * FIELDS + RUNNING]
        ]
        return sorted(found, key=lambda each: -each.latest)

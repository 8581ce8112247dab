"""All workers of the service: how many there are, which serve, which goes next."""

import time
from collections.abc import Iterator, Sequence
from socket import socket

from .child import Child, Phase
from .given import Given

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 10.0  # seconds before a worker is started again that died at once
PROVEN = 1.0  # seconds of service after which a worker's death says nothing about its start

PREPARING = (Phase.STARTING, Phase.STANDBY)
ACTIVE = (Phase.CALLED, Phase.SERVING)


class Crew:
    """The workers, by process id.

    Attributes:
        generation: how many rolling replacements there were.
        has_served: some worker has served: the start has succeeded.
    """

    def __init__(self, given: Given, listeners: Sequence[socket]) -> None:
        self._given = given
        self._listeners = listeners
        self._children: dict[int, Child] = {}
        self._started = 0
        self._failures = 0
        self._not_before = 0.0
        self.generation = 0
        self.has_served = False

    def __iter__(self) -> Iterator[Child]:
        return iter(list(self._children.values()))

    def __len__(self) -> int:
        return len(self._children)

    def find(self, process: int) -> Child | None:
        """Return the worker of a process id; other children are orphans that a first process inherits."""
        return self._children.get(process)

    def at(self, *phases: Phase) -> list[Child]:
        """Return the workers at these phases, the oldest first."""
        return [each for each in self if each.phase in phases]

    def missing(self) -> bool:
        """Whether one more is to be started now; none in the place of one that died before any served."""
        if self._failures and not self.has_served:
            return False
        mine = [each for each in self._current() if each.phase in (*PREPARING, *ACTIVE)]
        serving = [each for each in mine if each.phase is Phase.SERVING]
        wanted = self._given.workers + (self._given.spare and len(serving) == self._given.workers)
        is_one_at_a_time = bool(self._former()) and any(each.phase in PREPARING for each in mine)
        return len(mine) < wanted and not is_one_at_a_time and time.monotonic() >= self._not_before

    def start(self) -> Child:
        """Start one more.

        Raises:
            OSError: no process, descriptor or memory is left.
        """
        self._started += 1
        child = Child(self._given.program, self._listeners, number=self._started, generation=self.generation)
        self._children[child.process.pid] = child
        return child

    def next(self) -> Child | None:
        """Return the one that stands by, if one more has to serve."""
        mine = self._current()
        standing = [each for each in mine if each.phase is Phase.STANDBY]
        active = sum(each.phase in ACTIVE for each in mine)
        return standing[0] if standing and active < self._given.workers else None

    def replaced(self) -> list[Child]:
        """Return those of former generations whose place is taken."""
        serving = sum(each.phase is Phase.SERVING for each in self._current())
        former = self._former()
        return former[: max(0, len(former) - self._given.workers + serving)]

    def renew(self) -> list[Child]:
        """Begin a new generation; return those of the old one that do not serve yet."""
        self.generation += 1
        self._not_before, self._failures = 0.0, 0
        return self.at(*PREPARING)

    def remove(self, child: Child) -> None:
        """Take out one that has ended."""
        self._children.pop(child.process.pid, None)

    def pause(self, *, lived: float) -> float:
        """Return the seconds until another one is started after one that served for `lived` seconds."""
        self._failures = 0 if lived > PROVEN else self._failures + 1
        seconds = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self._failures - 1)) if self._failures else 0.0
        self._not_before = time.monotonic() + seconds
        return seconds

    def _current(self) -> list[Child]:
        return [each for each in self if each.generation == self.generation]

    def _former(self) -> list[Child]:
        return [each for each in self.at(*ACTIVE) if each.generation != self.generation]

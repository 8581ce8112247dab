"""Which file ends workers: decided from the deaths of the last ten minutes."""

from collections.abc import Sequence
from typing import NamedTuple

from .ledger import UnderWay

WINDOW = 600.0  # seconds in which deaths count
LIMIT = 2  # deaths after which a file is put into quarantine
RARELY = 20  # a file that is only suspected must have ended one in so many of its calls, or more


class Death(NamedTuple):
    """The end of one worker that nobody asked for.

    Attributes:
        at: when, in seconds of a steady clock.
        cause: in words.
        file: the one whose code was seen running; empty where it was not seen.
        suspects: the files whose calls were under way, the latest first.
    """

    at: float
    cause: str
    file: str
    suspects: Sequence[UnderWay]

    @property
    def probable(self) -> str:
        """The file that was running, or the only one that was under way; empty where there is no telling."""
        return self.file or (self.suspects[0].file if len(self.suspects) == 1 else "")


class Deaths:
    """The deaths that still count."""

    def __init__(self) -> None:
        self._all: list[Death] = []

    def recent(self, now: float) -> list[Death]:
        """Return those within the window, oldest first."""
        self._all = [each for each in self._all if now - each.at < WINDOW]
        return self._all

    def add(self, death: Death) -> str:
        """Count a death; return the file that goes into quarantine because of it, empty for none."""
        recent = self.recent(death.at)
        recent.append(death)
        if death.file:
            return death.file if sum(_may_be(each, death.file) for each in recent) >= LIMIT else ""
        guilty = [each.file for each in death.suspects if _ends_workers(each.file, recent)]
        return min(guilty, key=lambda file: _begun(file, recent), default="")


def _may_be(death: Death, file: str) -> bool:
    """Whether `file` ended that worker, or may have."""
    return death.file == file or (not death.file and any(each.file == file for each in death.suspects))


def _ends_workers(file: str, deaths: Sequence[Death]) -> bool:
    """Whether a file that was never seen was under way often enough, and seldom without a death."""
    count = sum(_may_be(each, file) for each in deaths)
    return count >= LIMIT and _begun(file, deaths) <= count * RARELY


def _begun(file: str, deaths: Sequence[Death]) -> int:
    return sum(each.begun for death in deaths for each in death.suspects if each.file == file)

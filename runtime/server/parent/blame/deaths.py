"""Which file ends workers: decided from the deaths of the last ten minutes."""

from collections.abc import Sequence
from typing import NamedTuple

from ..ledger import UnderWay  # noqa: TID252  # it runs under the name `parent`

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
        file = _guilty(death, recent)
        count = sum(_guilty(each, recent) == file for each in recent)
        is_rare = bool(death.file) or _begun(file, recent) <= count * RARELY
        if not file or count < LIMIT or not is_rare:
            return ""
        # What this file explains says nothing against those that were under way beside it.
        self._all = [each._replace(file=file) if _is_suspected(each, file) else each for each in recent]
        return file


def _guilty(death: Death, deaths: Sequence[Death]) -> str:
    """Return the file that was seen, or the one whose calls end workers the most often; empty for neither."""
    if death.file or not death.suspects:
        return death.file
    return max(death.suspects, key=lambda each: _deadliness(each.file, deaths)).file


def _deadliness(file: str, deaths: Sequence[Death]) -> tuple[float, int]:
    """Return deaths for each call, and deaths; of equal files the first counts: it began last."""
    count = sum(_is_suspected(each, file) for each in deaths)
    return count / max(_begun(file, deaths), 1), count


def _is_suspected(death: Death, file: str) -> bool:
    return not death.file and any(each.file == file for each in death.suspects)


def _begun(file: str, deaths: Sequence[Death]) -> int:
    return sum(each.begun for death in deaths for each in death.suspects if each.file == file)

"""One result of a command that examines something: `check`, `doctor`, `smoke`."""

import sys
import traceback
from collections.abc import Iterable
from typing import NamedTuple

from runtime.telemetry.redaction import name_of

GREEN, RED, PLAIN = "\033[32m", "\033[31m", "\033[0m"


class Finding(NamedTuple):
    """One result.

    Attributes:
        area: such as ``files`` or ``lock``.
        text: one line when all is well; the cause and the cure when not.
        is_fault: makes the command exit with status 1.
        is_doubt: all is well unless this was not meant.
    """

    area: str
    text: str
    is_fault: bool = False
    is_doubt: bool = False

    def rendered(self, *, colour: bool) -> str:
        """Return the line that a person reads."""
        mark = "✗" if self.is_fault else "?" if self.is_doubt else "✓"
        if colour:
            mark = f"{RED if self.is_fault else GREEN}{mark}{PLAIN}"
        return f"{mark} {self.area:<10} {self.text}"


def broken(area: str, error: BaseException) -> Finding:
    """Return why `area` could not be examined, by type and place; the error's text could quote anything."""
    places = traceback.extract_tb(error.__traceback__)
    where = f" at {places[-1].filename}:{places[-1].lineno}" if places else ""
    text = f"could not be examined: {name_of(error)}{where}. Fix the error there and run the command again."
    return Finding(area, text, is_fault=True)


def lines(findings: Iterable[Finding]) -> list[str]:
    """Return a line for each finding, in colour on a terminal."""
    return [finding.rendered(colour=sys.stdout.isatty()) for finding in findings]


def status(findings: Iterable[Finding]) -> int:
    """Return the exit status: 1 where any of them is a fault."""
    return int(any(finding.is_fault for finding in findings))

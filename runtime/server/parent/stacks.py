"""What `faulthandler` wrote of a worker: the stacks of its threads, and the function file among them."""

import re
from typing import NamedTuple

_FRAME = re.compile(r'  File "(?P<file>.*)", line (?P<line>\d+) in (?P<name>.*)')
_THREAD = re.compile(r"(?P<current>Current thread|Thread|Stack)\b.*\(most recent call first\):")
SHOWN = 12  # frames of a stack in a log line


class StackPlace(NamedTuple):
    """Where a thread was: file, line, name of the code."""

    file: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} ({self.name})"


class Culprit(NamedTuple):
    """The function file that a worker was running.

    Attributes:
        place: in the file, whose path is below the functions folder.
        stack: of its thread, innermost first.
    """

    place: StackPlace
    stack: str


def threads(dump: str) -> list[list[StackPlace]]:
    """Return the stack of each thread, innermost place first; the current thread's before the others'."""
    found: list[tuple[bool, list[StackPlace]]] = []
    for line in dump.splitlines():
        if head := _THREAD.match(line):
            found.append((head["current"] != "Thread", []))
        elif found and (frame := _FRAME.match(line)):
            found[-1][1].append(StackPlace(_text(frame["file"]), int(frame["line"]), frame["name"]))
    return [places for _, places in sorted(found, key=lambda each: not each[0])]


def culprit(dump: str, functions: str) -> Culprit | None:
    """Return the function file that was running, None where there is none, or no telling which.

    Args:
        dump: of one moment or of a crash.
        functions: the folder, absolute.
    """
    within = functions.rstrip("/") + "/"
    found: list[Culprit] = []
    for position, places in enumerate(threads(dump)):
        ours = next((place for place in places if place.file.startswith(within)), None)
        if ours is None:
            continue
        found.append(
            Culprit(ours._replace(file=ours.file[len(within) :]), "\n".join(map(str, places[:SHOWN])))
        )
        if position == 0:  # what the loop's own thread runs holds everybody
            break
    files = {each.place.file for each in found}
    return found[0] if len(files) == 1 else None


def _text(escaped: str) -> str:
    r"""Return a path in which `faulthandler` wrote `\xe9` or `\u4e2d` for what is not ASCII."""
    return re.sub(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))", _character, escaped)


def _character(match: re.Match[str]) -> str:
    return chr(int(match[1] or match[2] or match[3], 16))

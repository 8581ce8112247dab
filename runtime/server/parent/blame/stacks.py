"""What `faulthandler` wrote of a worker: the stacks of its threads, and the function file among them."""

import re
from typing import NamedTuple

_FRAME = re.compile(r'  File "(?P<file>.*)", line (?P<line>\d+) in (?P<name>.*)')
_THREAD = re.compile(
    r"(?P<current>Current thread|Thread|Stack)\b(?: 0x(?P<name>[0-9a-f]+))?.*\(most recent call first\):"
)
CRASHED = "Fatal Python error"
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


class Stack(NamedTuple):
    """What one thread was running.

    Attributes:
        name: as Python names the thread.
        is_current: it is the loop's own thread, or the one that crashed.
        places: innermost first.
    """

    name: int
    is_current: bool
    places: list[StackPlace]


def threads(dump: str) -> list[Stack]:
    """Return the stack of each thread."""
    found: list[Stack] = []
    for line in dump.splitlines():
        if head := _THREAD.match(line):
            found.append(Stack(int(head["name"] or "0", 16), head["current"] != "Thread", []))
        elif found and (frame := _FRAME.match(line)):
            found[-1].places.append(StackPlace(_text(frame["file"]), int(frame["line"]), frame["name"]))
    return found


def culprit(dump: str, functions: str, *, busy: int | None = None) -> Culprit | None:
    """Return the function file that was running, None where there is none, or no telling which.

    Args:
        dump: of one moment or of a crash.
        functions: the folder, absolute.
        busy: the thread that had the processor.
    """
    within = functions.rstrip("/") + "/"
    found: dict[str, Culprit] = {}
    for stack in sorted(threads(dump), key=lambda each: (each.name != busy, not each.is_current)):
        ours = next((place for place in stack.places if place.file.startswith(within)), None)
        if ours is None:
            continue
        one = Culprit(ours._replace(file=ours.file[len(within) :]), "\n".join(map(str, stack.places[:SHOWN])))
        if stack.name == busy or (stack.is_current and busy is None):
            return one  # what the loop's own thread runs holds everybody
        found.setdefault(one.place.file, one)
    # The thread that crashed is known, so a file that sleeps in another one is a bystander.
    return next(iter(found.values())) if len(found) == 1 and CRASHED not in dump else None


def _text(escaped: str) -> str:
    r"""Return a path in which `faulthandler` wrote `\xe9` or `\u4e2d` for what is not ASCII."""
    return re.sub(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))", _character, escaped)


def _character(match: re.Match[str]) -> str:
    return chr(int(match[1] or match[2] or match[3], 16))

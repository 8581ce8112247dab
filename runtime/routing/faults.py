"""What is wrong with a function file, said once: where, what was found, what to do about it."""

import hashlib

from msgspec import Struct


class Fault(Struct, frozen=True, kw_only=True, order=True):
    """One reason why a file is out of service.

    Attributes:
        file: path below the functions folder, with forward slashes; ``""`` for the folder itself.
        line: 1-based, 0 where no line is to blame.
        found: one sentence: what is there.
        cure: one sentence: what to write instead.
    """

    file: str
    line: int
    found: str
    cure: str

    @property
    def error_id(self) -> str:
        """Opaque to the caller, the same at every start: the log line with it tells the cause."""
        return hashlib.sha256(f"{self.file}:{self.line}:{self.found}".encode()).hexdigest()[:10]

    def __str__(self) -> str:
        place = (
            f"{self.file or 'functions folder'}:{self.line}" if self.line else self.file or "functions folder"
        )
        return f"{place}: {self.found} {self.cure}"


UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python raises for source that it cannot take, however that was made."""

LONGEST = 300  # characters of an exception's text that are worth a line


def unreadable(file: str, error: BaseException) -> Fault:
    """Return the fault of a file that is no Python."""
    line = getattr(error, "lineno", None) or 0
    found = f"Python cannot read this: {printable(str(getattr(error, 'msg', None) or error))}."
    return Fault(file=file, line=line, found=found, cure="Fix the syntax.")


def told(error: BaseException) -> str:
    """Return kind and text of what a file raised, in one line; asking for the text runs the file's code."""
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001 - a `__str__` may do whatever the file that raised it may
        text = "(its text cannot be made)"
    line = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return printable(line if len(line) <= LONGEST else line[:LONGEST] + "...").rstrip(".")


def printable(text: str) -> str:
    """Escape what a terminal would obey or cannot show: control characters, reversals, half characters."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode("ascii")
        for char in text
    )

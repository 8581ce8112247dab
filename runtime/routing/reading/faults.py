"""What is wrong with a function file, said once: where, what was found, what to do about it."""

import hashlib

from msgspec import Struct
from msgspec.structs import force_setattr

LONGEST = 350  # characters of a sentence; whatever it quotes may be as long as a file


class Fault(Struct, frozen=True, kw_only=True, order=True):
    """One reason why a file is out of service.

    Attributes:
        file: path below the functions folder, with forward slashes; ``""`` for the folder itself.
        line: 1-based, 0 where no line is to blame.
        found: one sentence: what is there.
        cure: one sentence: what to write instead.

    Both sentences are cut to `LONGEST` characters, and hold none that a terminal would obey or cannot show.
    """

    file: str
    line: int
    found: str
    cure: str

    def __post_init__(self) -> None:
        for name, text in (("found", self.found), ("cure", self.cure)):
            if len(text) > LONGEST or not text.isprintable():
                force_setattr(self, name, printable(_short(text)))

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


def unreadable(file: str, error: BaseException) -> Fault:
    """Return the fault of a file that is no Python."""
    line = getattr(error, "lineno", None) or 0
    found = f"Python cannot read this: {getattr(error, 'msg', None) or error}."
    return Fault(file=file, line=line, found=found, cure="Fix the syntax.")


def unexpected(file: str, doing: str, error: Exception) -> Fault:
    """Return the fault of a file over which a step of ours failed that no file should make fail."""
    found = f"{doing} failed over this file: {one_line(error)}."
    return Fault(file=file, line=0, found=found, cure="Rewrite what is unusual in it.")


def one_line(error: BaseException) -> str:
    """Return kind and text of what a file raised, in one line; asking for the text runs the file's code."""
    name: str = _NAME(type(error))
    try:
        text = str.__str__(str(error))  # a `__str__` may give a text of a class of its own
    except BaseException:  # noqa: BLE001 - and may do whatever the file that raised it may
        text = "(its text cannot be made)"
    line = f"{name}: {text[:LONGEST]}" if text else name
    return printable(_short(line, LONGEST - 50)).rstrip(".")


_NAME = type.__dict__["__name__"].__get__
"""Asks a class for its name past its metaclass, which may be the file's."""


def _short(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def printable(text: str) -> str:
    """Escape what a terminal would obey or cannot show: control characters, reversals, half characters."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode("ascii")
        for char in text
    )

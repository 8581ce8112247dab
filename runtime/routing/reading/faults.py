"""What is wrong with a function file: place, finding, cure."""

import hashlib

from msgspec import Struct
from msgspec.structs import force_setattr

SENTENCE_LIMIT = 350  # characters; what a sentence quotes may be as long as a file
EXCEPTION_TEXT_LIMIT = 300


class Fault(Struct, frozen=True, kw_only=True, order=True):
    """One reason why a file is out of service.

    Attributes:
        file: path below the functions folder, with forward slashes; ``""`` for the folder itself.
        line: 1-based, 0 where no line is known.
        found: one sentence: what is there.
        cure: one sentence: what to write instead.
        is_closed: the file serves nevertheless, but an open route of it asks for a session.

    Both sentences are cut to `SENTENCE_LIMIT` characters, and contain no control characters.
    """

    file: str
    line: int
    found: str
    cure: str
    is_closed: bool = False

    def __post_init__(self) -> None:
        for name, text in (("found", self.found), ("cure", self.cure)):
            if len(text) > SENTENCE_LIMIT or not text.isprintable():
                force_setattr(self, name, printable(_short(text)))

    @property
    def error_id(self) -> str:
        """Opaque to the caller, the same at every start; the log has the cause under it."""
        return hashlib.sha256(f"{self.file}:{self.line}:{self.found}".encode()).hexdigest()[:10]

    def __str__(self) -> str:
        place = (
            f"{self.file or 'functions folder'}:{self.line}" if self.line else self.file or "functions folder"
        )
        return f"{place}: {self.found} {self.cure}"


class Findings:
    """What is found wrong with one file while it is read.

    Attributes:
        faults: in the order in which they were found.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self.faults: list[Fault] = []

    def fault(self, line: int, found: str, cure: str) -> None:
        """Note one more; the arguments are those of `Fault`."""
        self.faults.append(Fault(file=self._file, line=line, found=found, cure=cure))


UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python raises for source that it cannot parse."""


def unreadable(file: str, error: BaseException) -> Fault:
    """Return the fault of a file that is not valid Python."""
    line = getattr(error, "lineno", None) or 0
    found = f"Invalid Python: {getattr(error, 'msg', None) or error}."
    return Fault(file=file, line=line, found=found, cure="Fix the syntax.")


def unexpected(file: str, doing: str, error: Exception) -> Fault:
    """Return the fault of a file for which a step of discovery failed unexpectedly."""
    found = f"{doing} failed for this file: {one_line(error)}."
    return Fault(file=file, line=0, found=found, cure="Simplify the file.")


def one_line(error: BaseException) -> str:
    """Return type and text of an exception in one line; this runs code of the file that raised it."""
    name: str = _NAME(type(error))
    try:
        text = str.__str__(str(error))  # a `__str__` may give a text of a class of its own
    except BaseException:  # noqa: BLE001 - and may do whatever the file that raised it may
        text = "(its text cannot be read)"
    line = f"{name}: {text[:EXCEPTION_TEXT_LIMIT]}" if text else name
    return printable(_short(line, EXCEPTION_TEXT_LIMIT)).rstrip(".")


_NAME = type.__dict__["__name__"].__get__
"""Asks a class for its name past its metaclass, which may be the file's."""


def _short(text: str, limit: int = SENTENCE_LIMIT) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def printable(text: str) -> str:
    """Escape characters that a terminal would act on or cannot show."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode("ascii")
        for char in text
    )

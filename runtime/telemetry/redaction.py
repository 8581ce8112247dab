"""What may leave the process of an exception, or of a text that could hold a secret.

The message of an unexpected exception can quote a body, a token or SQL. So its type and the places it passed
through are recorded, never its text; only an `AnnexError` was written to be read by others.
"""

import re
import traceback
from collections.abc import Iterator

from msgspec import Struct

from shared.errors import AnnexError

MAX_MEMBERS = 5  # of an exception group
MEMBER_FRAMES = 5
MAX_DEPTH = 2  # of groups in groups

# Possessive throughout: each character is looked at a bounded number of times, whatever the text.
_SECRET = re.compile(
    r"\b(?:sk|rk|whsec|ak|mt|oat)_[A-Za-z0-9_+/=-]{6,}+"  # keys and opaque tokens in Clerk's style
    r"|(?i:\bbearer\s++)[^\s\"',;\\]++"  # up to a backslash, which escapes a quote in JSON
    r"|(?<=://)[^\s/\"'@:]*+:[^\s/\"'@]++(?=@)"  # user and password of a URL
)
# A JSON Web Token; or the rest of a word that begins like one, which is passed over as a whole.
_TOKEN = re.compile(r"eyJ[\w-]{8,}+\.[\w-]++\.[\w-]*+|(?P<kept>eyJ[\w-]*+)")
_PLACE = re.compile(r'[ |]*File ".*", line \d+(?:, in \S+)?')


class Described(Struct, frozen=True):
    """An exception without values.

    Attributes:
        type: qualified class name, builtins without their module.
        message: the detail of an `AnnexError`, None for every other class.
        stacktrace: files, lines and functions, outermost first, causes above what they caused; no source
            text, no messages.
    """

    type: str
    message: str | None
    stacktrace: str


def describe(error: BaseException, *, frames: int = 30) -> Described:
    """Describe an exception by type and place; each traceback keeps its innermost `frames`.

    A group is followed by its first members, each with fewer frames.
    """
    message = error.detail if isinstance(error, AnnexError) else None
    return Described(name_of(error), message, _history(error, frames))


def message_of(error: BaseException) -> str:
    """Return an exception's own text, those of a group's first members behind it."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  # of any class
        return "(no text: its __str__ fails)"
    return "; ".join([text, *(f"{name_of(member)}: {message_of(member)}" for member in _members(error))])


def name_of(error: BaseException) -> str:
    """Return the class name as OpenTelemetry's `exception.type` wants it."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def strip(stacktrace: str) -> str:
    """Keep the places of a traceback that another library formatted, without source text and messages."""
    return "\n".join(line for line in stacktrace.splitlines() if _PLACE.fullmatch(line))


def scrub(text: str) -> str:
    """Take out what is recognisably a token, a key or a URL's password, in time linear in the text."""
    if "eyJ" in text:
        text = _TOKEN.sub(lambda found: found["kept"] or "[redacted]", text)
    return _SECRET.sub("[redacted]", text)


def _chain(error: BaseException | None, limit: int = 8) -> Iterator[BaseException]:
    """Yield an exception, then what caused it, at most `limit` of them."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen and len(seen) < limit:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _frames(error: BaseException, limit: int) -> str:
    summary = traceback.StackSummary.extract(
        traceback.walk_tb(error.__traceback__), limit=-limit, lookup_lines=False
    )
    return "".join(f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n' for frame in summary)


def _history(error: BaseException, frames: int, depth: int = 0) -> str:
    """Return an exception below what caused it, each with its places and the members of a group."""
    parts = []
    for link in _chain(error):
        members = _members(link) if depth < MAX_DEPTH else ()
        inner = [_indented(_history(member, MEMBER_FRAMES, depth + 1)) for member in members]
        parts.append("\n".join([_frames(link, frames) + name_of(link), *inner]))
    return "\n\n".join(reversed(parts))


def _members(error: BaseException) -> tuple[BaseException, ...]:
    return error.exceptions[:MAX_MEMBERS] if isinstance(error, BaseExceptionGroup) else ()


def _indented(text: str) -> str:
    return "\n".join(f"  | {line}" for line in text.splitlines())

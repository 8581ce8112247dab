"""What may be said about an exception or a text that could carry somebody's secret.

An unexpected exception's message is not ours: it can quote a body, a token or SQL. So its type and the places
it passed through are recorded, never its text; only an `AnnexError` was written to be read by others.
"""

import re
import traceback
from collections.abc import Iterator

from msgspec import Struct

from shared.errors import AnnexError

_SECRET = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*"  # a JSON Web Token
    r"|\b(?:sk|rk|whsec|ak|mt|oat)_[A-Za-z0-9_+/=-]{6,}"  # keys and opaque tokens in Clerk's style
    r"|(?i:\bbearer\s+)[^\s\"',;]+"
    r"|(?<=://)[^\s/\"'@]+:[^\s/\"'@]+(?=@)"  # user and password of a URL
)


class Described(Struct, frozen=True):
    """An exception without anybody's values.

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
    """Describe an exception by type and place; each traceback keeps its innermost `frames`."""
    parts = [_frames(link, frames) + name_of(link) for link in _chain(error)]
    message = error.detail if isinstance(error, AnnexError) else None
    return Described(name_of(error), message, "\n\n".join(reversed(parts)))


def name_of(error: BaseException) -> str:
    """Return the class name as OpenTelemetry's `exception.type` wants it."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def strip(stacktrace: str) -> str:
    """Keep the places of a traceback that somebody else formatted, without source text and messages."""
    return "\n".join(line for line in stacktrace.splitlines() if line.startswith('  File "'))


def scrub(text: str) -> str:
    """Take out what is recognisably a token, a key or a URL's password, wherever it came from."""
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

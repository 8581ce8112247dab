"""Files and other contents that are not JSON, by their media type."""

import mimetypes
import re
from collections.abc import AsyncIterable, Iterable
from datetime import datetime
from inspect import isawaitable
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from runtime.answers.answer import Answer

type ContentBody = (
    bytes | str | Path | Iterable[bytes] | Iterable[str] | AsyncIterable[bytes] | AsyncIterable[str]
)

OCTETS = "application/octet-stream"

_MEDIA = re.compile(
    r"[\w!#$&^.+\-]+/[\w!#$&^.+\-]+( *; *[\w!#$&^.+\-]+=[\x21\x23-\x3a\x3c-\x7e]+)*", re.ASCII
)
_TEXTUAL = re.compile(r"text/|application/([^;]*\+)?(json|xml|javascript|yaml)\b|image/svg\+xml")
_BODIES = ("__iter__", "__aiter__", "__buffer__", "read")
_TAG = re.compile(r"[\x21\x23-\x7e]+")
_UNSAFE_IN_NAMES = re.compile(r'[\x00-\x1f\x7f/\\"]')


class Content(Answer):
    """A body of one media type: bytes, text, a file's path, or an iterator of bytes or text.

    A type of one's own is one line: ``class Calendar(Content, media="text/calendar; charset=utf-8"): ...``

    Attributes:
        media: of the class, or for a `File` of its name.
        body: what is sent; a file or an iterator is sent piece by piece, and closed at the end.
        disposition: the value of `Content-Disposition`, None where the browser decides.
        etag: a validator of one's own, as it is sent; None for the default.
        modified: when it last changed; None for a file's own time, and for none.
    """

    media: ClassVar[str] = OCTETS

    def __init_subclass__(cls, *, media: str | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if media is not None:
            if not _MEDIA.fullmatch(media):
                raise ValueError('A media type is written like "text/csv; charset=utf-8".')
            cls.media = media

    def __init__(
        self,
        body: ContentBody,
        *,
        name: str | None = None,
        inline: bool = False,
        etag: str | None = None,
        modified: datetime | None = None,
    ) -> None:
        """Send `body`.

        Args:
            body: text is sent as UTF-8. A path is read as the process may read it: it must not come from
                the caller unchecked.
            name: saved by the browser under this name, unless `inline`.
            inline: shown by the browser, `name` being what it proposes when somebody saves it.
            etag: changes whenever the body does, without quotes; by default it is made from the body, or
                from a file's size and time.
            modified: with a time zone.

        Raises:
            ValueError: `etag` or `modified` cannot be sent.
            TypeError: the body is nothing that can be sent.
        """
        if not isinstance(body, Path) and not any(hasattr(body, name) for name in _BODIES):
            cure = "write `await` before the call that made it" if isawaitable(body) else "give text or bytes"
            raise TypeError(f"A {type(self).__name__} cannot be made of `{type(body).__name__}`: {cure}.")
        if etag is not None and not _TAG.fullmatch(etag):
            raise ValueError("An etag is visible ASCII without quotes, such as a version or a hash.")
        if modified is not None and modified.tzinfo is None:
            raise ValueError("`modified` needs a time zone: use datetime.now(UTC) or Instant.")
        self.body = body
        self.etag = None if etag is None else f'"{etag}"'.encode()
        self.modified = modified
        self.disposition = disposition(name, inline=inline)


class File(Content):
    """A file of any type, which its name tells; saved by the browser under the path's name by default."""

    def __init__(
        self,
        body: ContentBody,
        *,
        name: str | None = None,
        inline: bool = False,
        etag: str | None = None,
        modified: datetime | None = None,
    ) -> None:
        """Send `body`; see `Content`."""
        name = name or (body.name if isinstance(body, Path) else None)
        super().__init__(body, name=name, inline=inline, etag=etag, modified=modified)
        self.media = mimetypes.guess_type(name or "")[0] or OCTETS  # type: ignore[misc]  # this one's own


class Text(Content, media="text/plain; charset=utf-8"):
    """Plain text; a plain `str` is sent as JSON."""


class Html(Content, media="text/html; charset=utf-8"):
    """A page; whatever comes from a caller must be escaped in it (`html.escape`)."""


class Csv(Content, media="text/csv; charset=utf-8"):
    """Comma-separated values."""


class Png(Content, media="image/png"):
    """A picture."""


class Pdf(Content, media="application/pdf"):
    """A document."""


class Xlsx(Content, media="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"):
    """A workbook of Excel."""


def is_textual(media: str) -> bool:
    """Say whether a body of this media type is text."""
    return bool(_TEXTUAL.match(media.lower()))


def disposition(name: str | None, *, inline: bool = False) -> bytes | None:
    """Return the value of `Content-Disposition` (RFC 6266), with the name in UTF-8 beside an ASCII one."""
    if name is None:
        return b"inline" if inline else None
    name = _UNSAFE_IN_NAMES.sub("_", name)
    kind = "inline" if inline else "attachment"
    plain = name.encode("ascii", "replace").decode().replace("?", "_") if not name.isascii() else name
    value = f'{kind}; filename="{plain}"'
    if not name.isascii() or "%" in name:  # some browsers decode a percent sign in the plain form
        value += f"; filename*=UTF-8''{quote(name, safe='!#$&+-.^_`|~', errors='replace')}"
    return value.encode()

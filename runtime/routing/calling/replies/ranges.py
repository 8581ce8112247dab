"""Which part of a body a caller asks for, and whether it has it already (RFC 9110, parts 13 and 14)."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import NamedTuple

from msgspec import Struct

from runtime.asgi.messages import Scope, header
from runtime.routing.calling.answers.representation import is_known
from shared.errors import RangeNotSatisfiable

_RANGE = re.compile(rb"\s*bytes\s*=[\s,]*(\d{0,30})\s*-\s*(\d{0,30})[\s,]*", re.IGNORECASE)


class ByteRange(NamedTuple):
    """Bytes from `first` to `last`, both included, of `length`."""

    first: int
    last: int
    length: int

    @property
    def field(self) -> bytes:
        """The value of `Content-Range`."""
        return b"bytes %d-%d/%d" % self


class Validators(Struct, frozen=True):
    """What a cached copy is compared with.

    Attributes:
        tag: the entity tag, as it is sent.
        modified: in whole seconds, as a header can say it.
    """

    tag: bytes | None = None
    modified: datetime | None = None

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        """`ETag` and `Last-Modified`."""
        fields = [(b"etag", self.tag)] if self.tag else []
        if self.modified:
            fields.append((b"last-modified", format_datetime(self.modified, usegmt=True).encode()))
        return fields

    def are_known(self, scope: Scope) -> bool:
        """Say whether the caller has this body: by the tags that it names, else by its time."""
        if header(scope, b"if-none-match") is not None:
            return self.tag is not None and is_known(scope, self.tag)
        since = _moment(header(scope, b"if-modified-since"))
        return since is not None and self.modified is not None and self.modified <= since

    def hold(self, scope: Scope) -> bool:
        """Say whether the part that is asked for belongs to this body, as `If-Range` demands (13.1.5)."""
        demanded = header(scope, b"if-range")
        if demanded is None:
            return True
        if b'"' in demanded:  # a strong tag, compared strongly
            return demanded.strip() == self.tag and not demanded.startswith(b"W/")
        return self.modified is not None and _moment(demanded) == self.modified


def validators(tag: bytes | None, modified: datetime | None) -> Validators:
    """Return validators as they can be sent: no time in the future, no part of a second (8.8.2)."""
    if modified is None:
        return Validators(tag)
    return Validators(tag, min(modified.astimezone(UTC), datetime.now(UTC)).replace(microsecond=0))


def range_of(scope: Scope, length: int) -> ByteRange | None:
    """Return the part that is asked for, None for the whole: also of several parts, or what is no range.

    Raises:
        RangeNotSatisfiable: it begins behind the end.
    """
    asked = _RANGE.fullmatch(header(scope, b"range") or b"")
    if asked is None or asked.groups() == (b"", b""):
        return None
    first, last = asked.groups()
    if not first:
        suffix = int(last)
        if not suffix:
            raise RangeNotSatisfiable(length)
        return ByteRange(max(0, length - suffix), length - 1, length) if length else None
    if last and int(last) < int(first):
        return None
    if int(first) >= length:
        raise RangeNotSatisfiable(length)
    return ByteRange(int(first), min(int(last), length - 1) if last else length - 1, length)


def _moment(value: bytes | None) -> datetime | None:
    """Return an HTTP date (5.6.7), None for what is none."""
    if value is None:
        return None
    try:
        moment = parsedate_to_datetime(value.decode("latin-1"))
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment

"""Which parts of a body a caller asks for, and whether it has it already (RFC 9110, parts 13 and 14)."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import NamedTuple

from msgspec import Struct

from runtime.asgi.messages import Scope, header
from runtime.routing.calling.answers.representation import is_known, values_of
from shared.errors import PreconditionFailed, RangeNotSatisfiable

MOST_RANGES = 16  # parts of one answer; who asks for more gets the whole

_RANGES = re.compile(rb"\s*bytes\s*=(.*)", re.IGNORECASE | re.DOTALL)
_RANGE = re.compile(rb"\s*(\d{0,30})\s*-\s*(\d{0,30})\s*")


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

    def demand(self, scope: Scope) -> None:
        """Let a caller pass who names this body, or none (13.1.1 and 13.1.4; tags are compared strongly).

        Raises:
            PreconditionFailed: the caller names another one.
        """
        named = b",".join(values_of(scope, b"if-match")).strip()
        if named:
            tags = re.findall(rb'(?:W/)?"[^"]*"', named)
            is_this = named == b"*" or (self.tag is not None and self.tag in tags and self.tag[:1] == b'"')
        else:
            since = _moment(header(scope, b"if-unmodified-since"))
            is_this = since is None or self.modified is None or self.modified <= since
        if not is_this:
            raise PreconditionFailed

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


def ranges_of(scope: Scope, length: int) -> list[ByteRange]:
    """Return the parts in the order asked for; none for the whole, or for what is no range.

    Those that overlap or touch become one, and all of them then stand in the order of the body.

    Raises:
        RangeNotSatisfiable: all of them begin behind the end.
    """
    asked = _RANGES.fullmatch(header(scope, b"range") or b"")
    listed = [each for each in asked[1].split(b",") if each.strip()] if asked else []
    read = [_RANGE.fullmatch(each) for each in listed[: MOST_RANGES + 1]]
    given = [(found[1], found[2]) for found in read if found and _is_range(found[1], found[2])]
    if not length or not given or len(given) < len(listed) or len(given) > MOST_RANGES:
        return []
    ranges = [part for first, last in given if (part := _part(first, last, length))]
    if not ranges:
        raise RangeNotSatisfiable(length)
    joined = _joined(sorted(ranges))
    return ranges if len(joined) == len(ranges) else joined


def _is_range(first: bytes, last: bytes) -> bool:
    return int(first) <= int(last) if first and last else bool(first or last)


def _part(first: bytes, last: bytes, length: int) -> ByteRange | None:
    """Return what a range means for a body, None where it is behind the end."""
    begin = int(first) if first else max(0, length - int(last))
    end = min(int(last), length - 1) if first and last else length - 1
    return ByteRange(begin, end, length) if begin <= end else None


def _joined(ranges: Iterable[ByteRange]) -> list[ByteRange]:
    joined: list[ByteRange] = []
    for each in ranges:
        if joined and each.first <= joined[-1].last + 1:
            joined[-1] = joined[-1]._replace(last=max(joined[-1].last, each.last))
        else:
            joined.append(each)
    return joined


def _moment(value: bytes | None) -> datetime | None:
    """Return an HTTP date (5.6.7), None for what is none."""
    if value is None:
        return None
    try:
        moment = parsedate_to_datetime(value.decode("latin-1"))
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment

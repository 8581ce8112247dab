"""How a whole body is sent: 304 to a caller who has it, compressed to one who takes that (RFC 9110)."""

import asyncio
import re
from collections.abc import Iterator
from hashlib import blake2b
from math import inf

from runtime.asgi.messages import Fields, Scope, header
from runtime.config import Policy
from runtime.routing.calling.answers.codings import CODINGS, coding_of

SMALLEST = 1024  # bytes; below, a compressed body saves no packet
OFF_LOOP = 32 * 1024  # bytes; from here on a thread compresses, about 2 ms for 256 KiB
COMPRESSIBLE = re.compile(
    rb"text/(?!event-stream)|application/([^;]*\+)?(json|xml|javascript)\b|image/svg\+xml"
)


class Representation:
    """Decides for one function; `etag` and `compress` of its config switch either off.

    Attributes:
        smallest: of a body of ours with fewer bytes nothing becomes; most are small and not cached.
    """

    def __init__(self, policy: Policy, method: str) -> None:
        self._validates = policy.etag and method == "GET"
        self._tags = self._validates and bool(policy.cache)
        self._compresses = policy.compress
        self.smallest = 0 if self._tags else SMALLEST + 1 if self._compresses else inf

    async def of(self, scope: Scope, status: int, fields: Fields, body: bytes) -> tuple[int, Fields, bytes]:
        """Return status, header fields and body as this caller gets them; a length is written anew."""
        given = {"headers": fields}
        tag = header(given, b"etag")
        if self._tags and tag is None and status == 200:
            tag = b'W/"%b"' % blake2b(body, digest_size=12).hexdigest().encode()
            fields = [*fields, (b"etag", tag)]
        if self._validates and tag is not None and 200 <= status < 300 and is_known(scope, tag):
            return (
                304,
                [*without(fields, b"content-length", b"content-type"), *self.vary(fields, len(body))],
                b"",
            )
        vary = self.vary(fields, len(body))
        if not vary or status in {204, 206, 304}:
            return status, fields, body
        coding = coding_of(b",".join(values_of(scope, b"accept-encoding")))
        if coding is None:
            return status, [*fields, *vary], body
        compress = CODINGS[coding]
        body = await asyncio.to_thread(compress, body) if len(body) >= OFF_LOOP else compress(body)
        weak = [(b"etag", tag if tag.startswith(b"W/") else b"W/" + tag)] if tag else []
        fields = [*without(fields, b"content-length", b"etag", b"accept-ranges"), *weak, *vary]
        fields += [(b"content-encoding", coding), (b"content-length", b"%d" % len(body))]
        return status, fields, body

    def vary(self, fields: Fields, length: int) -> Fields:
        """Return the `Vary` of what may be compressed; nothing where that may not be."""
        given = {"headers": fields}
        kind = header(given, b"content-type") or b""
        if not self._compresses or length <= SMALLEST or not COMPRESSIBLE.match(kind.lower()):
            return []
        directives = header(given, b"cache-control") or b""
        if header(given, b"content-encoding") or b"no-transform" in directives.lower():
            return []
        return [(b"vary", b"Accept-Encoding")]


def without(fields: Fields, *names: bytes) -> Fields:
    """Return the fields but for these."""
    return [field for field in fields if field[0] not in names]


def is_known(scope: Scope, tag: bytes) -> bool:
    """Say whether `If-None-Match` names the tag; the comparison is the weak one (RFC 9110, 13.1.2)."""
    known = b",".join(values_of(scope, b"if-none-match"))
    return known.strip() == b"*" or tag.removeprefix(b"W/") in re.findall(rb'"[^"]*"', known)


def values_of(scope: Scope, name: bytes) -> Iterator[bytes]:
    """Yield the values of all header fields called `name` (lower case)."""
    return (value for key, value in scope["headers"] if key == name)

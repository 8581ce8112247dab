"""The parts of a body that a caller asks for: one, or several as `multipart/byteranges` (RFC 9110, 14.6)."""

import secrets
from collections.abc import AsyncGenerator, Sequence

from runtime.asgi.messages import Fields, header
from runtime.routing.calling.answers.representation import without
from runtime.routing.calling.replies.body import OpenedBody
from runtime.routing.calling.replies.ranges import ByteRange


class SentParts:
    """What of a body is sent.

    Attributes:
        fields: the header fields of the answer, its length among them.
    """

    def __init__(self, ranges: Sequence[ByteRange], fields: Fields) -> None:
        """Choose the parts; `fields` are those of the whole."""
        self._ranges = ranges
        sizes = [each.last - each.first + 1 for each in ranges]
        if len(ranges) == 1:
            self._heads, self._end = [b""], b""
            self.fields = [*fields, (b"content-range", ranges[0].field)]
        else:
            boundary = secrets.token_hex(16).encode()
            media = header({"headers": fields}, b"content-type") or b""
            line = b"\r\n--%b\r\ncontent-type: %b\r\ncontent-range: %b\r\n\r\n"
            self._heads = [line % (boundary, media, each.field) for each in ranges]
            self._heads[0] = self._heads[0].removeprefix(b"\r\n")
            self._end = b"\r\n--%b--\r\n" % boundary
            kind = (b"content-type", b"multipart/byteranges; boundary=" + boundary)
            self.fields = [*without(fields, b"content-type"), kind]
        length = sum(sizes) + sum(map(len, self._heads)) + len(self._end)
        self.fields.append((b"content-length", b"%d" % length))

    async def pieces(self, body: OpenedBody) -> AsyncGenerator[bytes]:
        """Read them, each with what stands before it."""
        for head, part in zip(self._heads, self._ranges, strict=True):
            if head:
                yield head
            async for piece in body.pieces(part.first, part.last):
                yield piece
        if self._end:
            yield self._end

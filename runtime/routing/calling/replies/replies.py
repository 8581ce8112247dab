"""Sends replies, redirects and contents of one function."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from contextvars import Context
from typing import Any

from runtime.answers import Content, Redirect, Reply
from runtime.asgi.invocation import SCOPE_KEY
from runtime.asgi.messages import CallerLeft, Fields, Receive, Scope, Send
from runtime.routing.calling.answers.outgoing import functions_own
from runtime.routing.calling.answers.outputs import Output
from runtime.routing.calling.answers.representation import Representation, without
from runtime.routing.calling.replies.body import OpenedBody, Unreadable, opened
from runtime.routing.calling.replies.parts import SentParts
from runtime.routing.calling.replies.ranges import ranges_of, validators
from runtime.routing.operation import Operation

JSON = (b"content-type", b"application/json")
EMPTY = frozenset({204, 205})


class Replies:
    """Sends what one function returns beside plain JSON.

    Args:
        operation: of the function.
        output: checks and encodes its JSON.
        representation: compresses it.
        caching: what a success says of caches that says nothing of its own.

    Attributes:
        are_usual: the function's annotation names a content or a redirect, so that every value comes here.
    """

    def __init__(
        self, operation: Operation, output: Output, representation: Representation, caching: Fields
    ) -> None:
        self._operation = operation
        self._content = operation.content
        self._output = output
        self._representation = representation
        self._status = operation.endpoint.policy.status
        self._cache = caching
        self._is_get = operation.endpoint.method == "GET"
        self._tags = operation.endpoint.policy.etag and self._is_get
        self.are_usual = self._content is not None or operation.returns is Redirect

    async def send(self, value: Any, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a value.

        Raises:
            Misfit: the annotation does not name it.
            PreconditionFailed: the caller demands another version of a content.
            RangeNotSatisfiable: the caller asks for a part behind the end.
        """
        status = self._status
        own: Fields = []
        if isinstance(value, Reply):
            if not self._operation.replies:
                raise self._output.misfit("", "Expected no `Reply`.", "Annotate `-> Reply[...]`.")
            status, own, value = value.status or status, value.fields, value.value
        if isinstance(value, Redirect):
            if not self._operation.redirects:
                raise self._output.misfit("", "Expected no `Redirect`.", "Annotate `-> ... | Redirect`.")
            await self._send_whole(scope, send, value.status, _laid([], [*value.fields, *own]), b"")
        elif self.are_usual:
            if self._content is None or not isinstance(value, self._content):
                raise self._output.mismatch(value, f"`{(self._content or Redirect).__name__}`")
            self._refuse_body(status)
            await self._send_content(value, status or 200, own, scope, receive, send)
        else:
            await self._send_json(value, status, own, scope, send)

    async def _send_json(self, value: Any, status: int | None, own: Fields, scope: Scope, send: Send) -> None:
        is_empty = self._operation.returns in {None, type(None)} or (status in EMPTY and value is None)
        if not is_empty:
            self._refuse_body(status)
        body = self._output.nothing(value) if is_empty else self._output.encode(value)
        fields = _laid(self._cache if is_empty else [JSON, *self._cache], own)
        await self._send_whole(scope, send, status or (204 if is_empty else 200), fields, body)

    def _refuse_body(self, status: int | None) -> None:
        if status in EMPTY:
            raise self._output.misfit("", f"A status {status} allows no body.", "Choose another status.")

    async def _send_content(
        self, content: Content, status: int, own: Fields, scope: Scope, receive: Receive, send: Send
    ) -> None:
        kind = [(b"content-type", content.media.encode())]
        if content.disposition:
            kind.append((b"content-disposition", content.disposition))
        fields = _laid([*kind, *self._cache], own)
        try:
            async with opened(content, tags=self._tags) as body:
                await self._send_body(content, body, status, fields, scope, receive, send)
        except Unreadable as unreadable:
            raise self._output.unreadable(*unreadable.args) from None

    async def _send_body(  # noqa: PLR0913, PLR0917  # what an answer is made of
        self,
        content: Content,
        body: OpenedBody,
        status: int,
        fields: Fields,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        parts = None
        if self._is_get and status == 200:
            status, fields, parts = self._asked(content, body, fields, scope)
        if status == 304 or (parts is None and body.whole is not None):
            await self._send_whole(scope, send, status, fields, (status != 304 and body.whole) or b"")
            return
        if parts is None and body.length is not None:
            fields = [*fields, (b"content-length", b"%d" % body.length)]
        await send({"type": "http.response.start", "status": status, "headers": fields})
        if scope[SCOPE_KEY].method != "HEAD":
            await _send_pieces(parts.pieces(body) if parts else body.pieces(0, None), receive, send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _asked(
        self, content: Content, body: OpenedBody, fields: Fields, scope: Scope
    ) -> tuple[int, Fields, SentParts | None]:
        """Return what the caller's conditions make of the answer: 304, 206 with its parts, or 200.

        They are asked in the order of RFC 9110, 13.2.2.
        """
        known = validators(content.etag or body.tag, content.modified or body.modified)
        known.demand(scope)
        fields = [*fields, *known.fields]
        vary = self._representation.vary(fields, len(body.whole)) if body.whole else []
        if known.are_known(scope):
            return 304, [*without(fields, b"content-type", b"content-disposition"), *vary], None
        if body.length is None:
            return 200, fields, None
        fields.append((b"accept-ranges", b"bytes"))
        is_whole = scope[SCOPE_KEY].method == "HEAD" or not known.hold(scope)
        ranges = [] if is_whole else ranges_of(scope, body.length)
        if not ranges:
            return 200, fields, None
        parts = SentParts(ranges, [*fields, *vary])
        return 206, parts.fields, parts

    async def _send_whole(self, scope: Scope, send: Send, status: int, fields: Fields, body: bytes) -> None:
        if status not in {204, 304}:
            fields = [*fields, (b"content-length", b"%d" % len(body))]
        status, fields, body = await self._representation.of(scope, status, fields, body)
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _laid(defaults: Fields, own: Fields) -> Fields:
    """Return the fields that a function has written, and the defaults of which it says nothing."""
    own = without(functions_own(own), b"content-length")
    said = {name for name, _ in own}
    return [*(field for field in defaults if field[0] not in said), *own]


async def _send_pieces(pieces: AsyncGenerator[bytes], receive: Receive, send: Send) -> None:
    """Send pieces as fast as the caller takes them, until it has all or leaves.

    Raises:
        CallerLeft: it has left.
    """
    try:
        async with asyncio.timeout(None) as limit, aclosing(pieces):
            # In a clean context: it is not the function's, so nobody asks whether it was left behind.
            watch = asyncio.create_task(_end_when_left(limit, receive), context=Context())
            try:
                async for piece in pieces:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            finally:
                watch.cancel()
    except TimeoutError:
        if limit.expired():
            raise CallerLeft from None
        raise


async def _end_when_left(limit: asyncio.Timeout, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    limit.reschedule(0)

"""The body of a request: how large it may be, and reading it before the function runs."""

import asyncio
from collections.abc import Awaitable, Callable

from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import ASGIApp, Message, Receive, Scope, Send
from shared.errors import DeadlineExceeded, TooLarge

CALLER_LEFT = "caller_left"  # an invocation's error: there was nobody to answer


def limit_body(app: ASGIApp, *, limit: int) -> ASGIApp:
    """Step: refuse a body over `limit` bytes, by its declared length or else while it is read."""

    def limited(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        invocation: Invocation = scope[SCOPE_KEY]
        if invocation.content_length is not None and invocation.content_length > limit:
            raise _too_large(limit)
        return app(scope, _counted(receive, limit) if invocation.is_chunked else receive, send)

    return limited


def read_first(app: ASGIApp) -> ASGIApp:
    """Step: read the body before the function runs, so that the gate can wait for the disconnect."""

    async def read(scope: Scope, receive: Receive, send: Send) -> None:
        invocation: Invocation = scope[SCOPE_KEY]
        has_body = invocation.content_length or invocation.is_chunked
        body = await read_body(receive, invocation) if has_body else b""
        if body is not None:
            await app(scope, Replay(body, receive), send)

    return read


async def read_body(receive: Receive, invocation: Invocation) -> bytes | None:
    """Return the whole body, or None, noted as the invocation's error, if the caller left before its end.

    Raises:
        DeadlineExceeded: it did not arrive before the invocation's deadline.
    """
    parts = []
    try:
        async with asyncio.timeout_at(invocation.deadline):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    invocation.error = CALLER_LEFT
                    return None
                parts.append(message["body"])
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError:
        raise DeadlineExceeded from None


async def has_left(receive: Receive) -> bool:
    """Return whether the caller has left, without waiting; what is left of the body is discarded."""
    try:
        async with asyncio.timeout(0):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


class Replay:
    """A `receive` that returns a body that was read before, and then the disconnect.

    ASGI reports a disconnect only to whoever reads, through the same `receive` as the body.

    Attributes:
        is_watched: `watch` is or will be called: nobody else may read on.
    """

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive
        self._left = asyncio.Event()
        self.is_watched = False

    async def __call__(self) -> Message:
        """Return the body once, then wait for the disconnect."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        if not self.is_watched:
            return await self._receive()
        await self._left.wait()
        return {"type": "http.disconnect"}

    def watch(self, left: Callable[[], None]) -> "asyncio.Task[None]":
        """Wait for the disconnect in a task, and call `left` then, at once if the caller has left already."""
        self.is_watched = True
        # Not by the loop's factory, which a function may have replaced.
        return asyncio.Task(self._watch(left), loop=asyncio.get_running_loop(), eager_start=True)

    async def _watch(self, left: Callable[[], None]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left.set()
        left()


def _counted(receive: Receive, limit: int) -> Receive:
    total = 0

    async def count() -> Message:
        nonlocal total
        message = await receive()
        if message["type"] == "http.request":
            total += len(message["body"])
            if total > limit:
                raise _too_large(limit)
        return message

    return count


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body exceeds this function's limit of {limit} bytes.")

"""Notice that the caller has left, for the functions that ask for it.

ASGI tells of it only to whoever reads, and the body comes by the same door. So the body is taken first,
whole, and handed to the function again, while this reads on. Functions that do not ask pay nothing.
"""

import asyncio
from collections.abc import Callable

from runtime.asgi.messages import Message, Receive
from shared.errors import DeadlineExceeded


class CallerLeft(Exception):
    """The caller hung up before its body was complete: there is nobody to answer."""


async def read_body(receive: Receive, deadline: float) -> bytes:
    """Return the whole body.

    Args:
        receive: ASGI's.
        deadline: loop time until which to wait for it.

    Raises:
        CallerLeft: the connection closed before the body was complete.
        DeadlineExceeded: it did not come in time.
    """
    parts = []
    try:
        async with asyncio.timeout_at(deadline):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise CallerLeft
                parts.append(message["body"])
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError:
        raise DeadlineExceeded from None


async def has_left(receive: Receive) -> bool:
    """Tell whether the caller has left, without waiting for that; what is left of the body is thrown away."""
    try:
        async with asyncio.timeout(0):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


class Replay:
    """A `receive` that gives a body read before, and then tells when the caller has left."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive
        self._gone = asyncio.Event()
        self._watched = False

    async def __call__(self) -> Message:
        """Return the body once, then wait for the disconnect."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        if not self._watched:
            return await self._receive()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    def watch(self, left: Callable[[], None]) -> "asyncio.Task[None]":
        """Start to wait for the caller to leave, and call `left` then; from here on nobody else reads."""
        self._watched = True
        return asyncio.create_task(self._watch(left))

    async def _watch(self, left: Callable[[], None]) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone.set()
        left()

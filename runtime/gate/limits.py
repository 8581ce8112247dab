"""What one function takes on: calls at once, calls that wait, bytes of a body."""

import asyncio

from runtime.asgi.messages import Message, Receive
from shared.errors import DeadlineExceeded, Overloaded, TooLarge


class Bulkhead:
    """At most `concurrency` calls at once in this process, at most `queue` waiting for their turn."""

    __slots__ = ("_queue", "_slots", "_waiting")

    def __init__(self, concurrency: int, queue: int) -> None:
        self._slots = asyncio.Semaphore(concurrency)
        self._queue = queue
        self._waiting = 0

    async def enter(self, deadline: float) -> None:
        """Take a slot, in order of arrival.

        Args:
            deadline: loop time until which to wait.

        Raises:
            Overloaded: the queue is full.
            DeadlineExceeded: no slot came free in time.
        """
        if not self._slots.locked():
            await self._slots.acquire()
            return
        if self._waiting >= self._queue:
            raise Overloaded("This function is at its limit of calls at once; try again.")
        self._waiting += 1
        try:
            async with asyncio.timeout_at(deadline):
                await self._slots.acquire()
        except TimeoutError:
            raise DeadlineExceeded("No turn came before the time for this call was used up.") from None
        finally:
            self._waiting -= 1

    def leave(self, _: object = None) -> None:
        """Give the slot back."""
        self._slots.release()


def refuse_length(length: bytes, limit: int) -> None:
    """Refuse a declared body that is over `limit` bytes, before any of it is read.

    Raises:
        TooLarge: naming the limit.
    """
    # The server has checked the digits already.
    if int(length) > limit:
        raise _too_large(limit)


def counted(receive: Receive, limit: int) -> Receive:
    """Return `receive` that raises `TooLarge` after `limit` bytes: a chunked body declares no length."""
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
    return TooLarge(f"The body is over this function's limit of {limit} bytes.")

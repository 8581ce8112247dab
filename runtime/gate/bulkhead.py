"""How many calls of one function run at once, and how many wait for a slot."""

import asyncio

from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.asgi.messages import ASGIApp, Receive, Scope, Send
from shared.errors import DeadlineExceeded, Overloaded


class Bulkhead:
    """At most `concurrency` calls at once in this process, at most `queue` waiting."""

    __slots__ = ("_queue", "_slots", "_waiting")

    def __init__(self, concurrency: int, queue: int) -> None:
        self._slots = asyncio.Semaphore(concurrency)
        self._queue = queue
        self._waiting = 0

    async def enter(self, deadline: float | None) -> None:
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
            raise Overloaded("This function is at its concurrency limit; try again.")
        self._waiting += 1
        try:
            async with asyncio.timeout_at(deadline):
                await self._slots.acquire()
        except TimeoutError:
            raise DeadlineExceeded("The deadline passed while the call waited for a free slot.") from None
        finally:
            self._waiting -= 1

    def leave(self) -> None:
        """Give the slot back."""
        self._slots.release()


def take_slot(app: ASGIApp, *, bulkhead: Bulkhead) -> ASGIApp:
    """Step: wait for a slot."""

    async def admitted(scope: Scope, receive: Receive, send: Send) -> None:
        invocation: Invocation = scope[SCOPE_KEY]
        await bulkhead.enter(invocation.deadline)
        await app(scope, receive, send)

    return admitted


def give_back_slot(app: ASGIApp, *, bulkhead: Bulkhead) -> ASGIApp:
    """Step inside the call's own task: an abandoned call keeps its slot until it really ends."""

    async def holding(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        finally:
            bulkhead.leave()

    return holding

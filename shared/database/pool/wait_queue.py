"""The queue for a connection: first come, first served, each wait bounded.

All waits have the same timeout, so they expire in the order of arrival, and one timer serves them all.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from shared.database.pool.members import PoolMember
from shared.database.pool.shares import Borrower, ConnectionShares

type Waiter = asyncio.Future[PoolMember | None]


class WaitQueue:
    """Tasks that wait for a connection, or for permission to open one (None).

    Args:
        timeout: seconds.
        shares: counts what each borrower has; one that has all it may have is passed over.
        take_back: receives what was given to a task that was cancelled at the same moment.
    """

    def __init__(
        self,
        timeout: float,
        shares: ConnectionShares,
        take_back: Callable[[PoolMember | None, Borrower], None],
    ) -> None:
        self._timeout = timeout
        self._shares = shares
        self._take_back = take_back
        self._queue: deque[tuple[Waiter, float, Borrower]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def wait(self, borrower: Borrower) -> PoolMember | None:
        """Wait for this task's turn and return what it is given, counted as the borrower's.

        Raises:
            TimeoutError: nothing came in time.
        """
        loop = asyncio.get_running_loop()
        waiter: Waiter = loop.create_future()
        deadline = loop.time() + self._timeout
        self._queue.append((waiter, deadline, borrower))
        if self._timer is None:
            self._timer = loop.call_at(deadline, self._expire)
        try:
            return await waiter
        except BaseException:
            # Cancelled here: a coroutine that is closed instead of cancelled leaves its future pending.
            if not waiter.cancel() and not waiter.cancelled() and waiter.exception() is None:
                self._take_back(waiter.result(), borrower)
            raise

    def serve(self, free: PoolMember | None) -> bool:
        """Give `free` to the task that has waited longest and may have it; False when there is none."""
        for entry in self._queue:
            waiter, _, borrower = entry
            if not waiter.done() and self._shares.take(borrower):
                self._queue.remove(entry)
                waiter.set_result(free)
                return True
        return False

    def close(self, error: Exception) -> None:
        """End every wait with `error`."""
        if self._timer is not None:
            self._timer.cancel()
        while self._queue:
            _fail(self._queue.popleft()[0], error)

    def _expire(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._queue and self._queue[0][1] <= loop.time():
            _fail(self._queue.popleft()[0], TimeoutError())
        if self._queue:
            self._timer = loop.call_at(self._queue[0][1], self._expire)


def _fail(waiter: Waiter, error: Exception) -> None:
    if not waiter.done():
        waiter.set_exception(error)

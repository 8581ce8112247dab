"""Who waits for a connection: served in the order of arrival, and not for ever.

All wait equally long at most, so whoever came first is also the first to give up, and one timer does for all.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from shared.database.lease import Member

type Turn = asyncio.Future[Member | None]


class Turns:
    """A queue for connections, or for places to make one in (None).

    Args:
        patience: seconds.
        take_back: gets what came at the very moment when its owner was called away.
    """

    def __init__(self, patience: float, take_back: Callable[[Member | None], None]) -> None:
        self._patience = patience
        self._take_back = take_back
        self._queue: deque[tuple[Turn, float]] = deque()
        self._bell: asyncio.TimerHandle | None = None

    async def __call__(self) -> Member | None:
        """Stand in the queue and return what comes.

        Raises:
            TimeoutError: nothing came in time.
        """
        loop = asyncio.get_running_loop()
        turn: Turn = loop.create_future()
        place = turn, loop.time() + self._patience
        self._queue.append(place)
        if self._bell is None:
            self._bell = loop.call_at(place[1], self._ring)
        try:
            return await turn
        except BaseException:
            # A turn that is still open is taken out: its owner was thrown away, which cancels nothing.
            if not turn.cancel() and not turn.cancelled() and turn.exception() is None:
                self._take_back(turn.result())
            raise

    def serve(self, free: Member | None) -> bool:
        """Give `free` to whoever has waited longest; False when nobody waits."""
        while self._queue:
            turn, _ = self._queue.popleft()
            if not turn.done():
                turn.set_result(free)
                return True
        return False

    def close(self, error: Exception) -> None:
        """Send everybody away."""
        if self._bell is not None:
            self._bell.cancel()
        while self._queue:
            _fail(self._queue.popleft()[0], error)

    def _ring(self) -> None:
        self._bell = None
        loop = asyncio.get_running_loop()
        while self._queue and self._queue[0][1] <= loop.time():
            _fail(self._queue.popleft()[0], TimeoutError())
        if self._queue:
            self._bell = loop.call_at(self._queue[0][1], self._ring)


def _fail(turn: Turn, error: Exception) -> None:
    if not turn.done():
        turn.set_exception(error)

"""Work that was queued in a transaction of which nobody has told the end: a process was killed or cut off."""

import logging
import time

from runtime.work.queue.queue import HeldRun, Queue
from shared.database import Database
from shared.database.errors import QueryFailed
from shared.errors import DeadlineExceeded, Unavailable

logger = logging.getLogger(__name__)

EVERY = 2.0  # seconds between two looks
FORGOTTEN = 24 * 3600.0  # seconds after which a transaction that the database does not know counts as none


class HeldWork:
    """Asks the database what became of such transactions: queues the work, or drops it.

    Args:
        queue: where the work is held.
        database: where the transactions were.
        patience: seconds in which whoever queued it may tell the end.
    """

    def __init__(self, queue: Queue, database: Database, *, patience: float = 2.0) -> None:
        self._queue = queue
        self._database = database
        self._patience = patience
        self._next_look = 0.0

    async def look(self) -> None:
        """Settle what has been held for long, now and then.

        Raises:
            Unavailable: the queue does not respond.
        """
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + EVERY
        for each in await self._queue.held(self._patience):
            is_committed = await self._ask(each)
            if is_committed is not None:
                await self._queue.release(each.id, is_committed=is_committed)

    async def _ask(self, run: HeldRun) -> bool | None:
        """Return whether a run's transaction was committed, None while that is open."""
        try:
            status = await self._database.fetch_value(
                "SELECT pg_xact_status($1::text::xid8)", run.transaction
            )
        except (Unavailable, DeadlineExceeded):
            return None
        except QueryFailed:  # the number is still to come: it is of another database
            status = None
        if status is None and run.age > FORGOTTEN:
            logger.error(
                "work is dropped: its database does not know its transaction", extra={"run_id": run.id}
            )
            return False
        return {"committed": True, "aborted": False}.get(status)

"""The pool: connects at first use, bounds every wait, serves the longest wait first.

asyncpg's own pool makes a task and a proxy for each loan, which costs more than a query by key. This one
takes a connection back in a few steps without waiting, and restores in the background what needs it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

import asyncpg

from shared.database.channels import Channels
from shared.database.connection.connector import Connector, Limits
from shared.database.connection.target import Target
from shared.database.errors import PoolerDetected, QueryFailed
from shared.database.failures import while_connecting
from shared.database.instruments import Instruments, Statistics
from shared.database.pool.lease import is_unfinished
from shared.database.pool.members import RELEASE_TIMEOUT, Members, PoolMember
from shared.database.pool.session import is_in_transaction
from shared.database.pool.shares import Borrower, ConnectionShares, nobody
from shared.database.pool.wait_queue import WaitQueue
from shared.database.statements.statement import After, Statement
from shared.errors import DatabaseUnavailable
from shared.throttle import Throttle

log = logging.getLogger("annex.database")


class Pool:
    """Connections to one target.

    Args:
        target: the server.
        limits: kept as an attribute.
            `channels`, beside it, has the listeners of the database.
        instruments: told of every wait.
        borrower: returns who is asking for a connection, such as a function's file; none may have them all.
    """

    def __init__(
        self,
        target: Target,
        limits: Limits,
        instruments: Instruments,
        borrower: Callable[[], Borrower] = nobody,
    ) -> None:
        self.limits = limits
        self._connector = Connector(target, limits)
        self.channels = Channels(self._beside)
        self._instruments = instruments
        self._members = Members(self._connector, limits)
        self._idle: list[PoolMember] = []  # the last one used is lent first, so that the others can expire
        self._vacancies = limits.pool_max  # connections that may still be opened
        self._shares = ConnectionShares(limits.pool_max, borrower)
        self._queue = WaitQueue(limits.acquire, self._shares, self._not_used)
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False
        self._waiting = 0
        self._answered = float("-inf")
        self._outages = Throttle(seconds=10)
        self._is_away = False
        self._background: set[asyncio.Task[None]] = set()

    @property
    def behind_pooler(self) -> bool:
        """Whether a transaction pooler is in front of the server."""
        return self._connector.behind_pooler

    @property
    def local_settings(self) -> str:
        """The statements that every transaction must begin with."""
        return self._connector.local_settings

    async def acquire(self) -> PoolMember:
        """Lend a connection as soon as one is free; it must come back through `release`.

        Raises:
            DatabaseUnavailable: none became free in time, or the server cannot be reached.
        """
        if (free := self.lend()) is not None:
            return free
        borrower = self._shares.borrower()
        began = time.time_ns()
        self._waiting += 1
        try:
            member = await self._obtain(borrower)
        except Exception as error:  # noqa: BLE001  whatever prevents a connection means that there is none
            self._instruments.acquired(began, error)
            raise self._unavailable(error, borrower) from None
        finally:
            self._waiting -= 1
        try:
            self._instruments.acquired(began)
        except BaseException:
            self.release(member, None, after=After.KEEP)  # its caller never gets it
            raise
        return self._lent(member)

    def lend(self) -> PoolMember | None:
        """Lend a connection that is free now; None when the caller has to wait."""
        if not self._idle:
            return None
        borrower = self._shares.borrower()
        if not self._shares.take(borrower):
            return None
        while self._idle:
            member = self._idle.pop()
            if member.loans > 0 and not member.connection.is_closed():  # `is_usable` without a call
                member.borrower = borrower
                return self._lent(member)
            self._drop(member)
        self._shares.give_back(borrower)
        return None

    def after(self, statement: Statement) -> After:
        """Return what a connection needs after a statement, by its text and by what the catalogue told."""
        return self._members.unseen.after(statement)

    def release(self, member: PoolMember, error: BaseException | None, *, after: After) -> None:
        """Take a connection back; `error` ended its use. It is restored in the background where needed."""
        broken = error is not None and is_unfinished(error)
        if isinstance(error, PoolerDetected):
            self._becomes_pooled()
        if not broken:
            self._answered = member.idle_since = time.monotonic()
        if self.behind_pooler:
            after = After.KEEP  # the session belongs to the pooler and is another one by now
        is_open = broken or is_in_transaction(member.connection)
        if after is After.CLOSE:
            self._drop(member)
        elif is_open or after is After.RESET:
            self._start(self._restore(member, after, is_open=is_open))
        else:
            self._take_back(member)

    async def reload_schema(self) -> None:
        """Forget on every connection what a migration made stale; sends nothing."""
        await self._members.reload_schema()

    def statistics(self) -> Statistics:
        """Return the pool's current numbers."""
        idle = sum(not member.connection.is_closed() for member in self._idle)
        # A task that gets a free connection at once never waits.
        return Statistics(
            size=self._members.size,
            idle=idle,
            waiting=self._waiting,
            maximum=self.limits.pool_max,
            listening=self.channels.connections,
        )

    def in_use(self) -> str:
        """Return who has the connections when every one is in use, ``""`` when one is free."""
        return str(self._shares) if self._is_exhausted() else ""

    def is_busy_but_alive(self, within: float) -> bool:
        """Whether every connection is in use and one got a response in the last `within` seconds."""
        return self._is_exhausted() and time.monotonic() - self._answered < within

    async def close(self) -> None:
        """Close every connection; those still in use after ``limits.close`` seconds are cut."""
        self._closed = True
        self.channels.close()
        if self._sweep is not None:
            self._sweep.cancel()
        self._queue.close(_stopping())
        idle, self._idle = self._idle, []
        for member in idle:
            self._start(self._members.shut(member))
        await self._members.until_empty()
        if self._background:
            _, unfinished = await asyncio.wait(self._background, timeout=RELEASE_TIMEOUT)
            for task in unfinished:
                task.cancel()

    async def _beside(self) -> asyncpg.Connection:
        """Open a connection that is not lent."""
        try:
            async with asyncio.timeout(self.limits.acquire):
                connection = await self._connector.connect()
        except Exception as error:  # noqa: BLE001  whatever prevents a connection means that there is none
            raise self._unavailable(error, self._shares.borrower()) from None
        if self.behind_pooler:  # which is known by now
            connection.terminate()
            raise QueryFailed(
                "LISTEN does not work behind a transaction pooler; give the service the direct URL"
            )
        return connection

    def _lent(self, member: PoolMember) -> PoolMember:
        if self._is_away:
            self._is_away = False
            log.info("database.available")
        member.loans -= 1
        return member

    async def _obtain(self, borrower: Borrower) -> PoolMember:
        """Wait for a connection, or open one where the limit allows it."""
        if self._closed:
            raise _stopping()
        deadline = asyncio.get_running_loop().time() + self.limits.acquire
        if self._vacancies and self._shares.take(borrower):
            self._vacancies -= 1
        else:
            member = await self._queue.wait(borrower)
            if member is not None and member.is_usable:
                member.borrower = borrower
                return member
            if member is not None:
                self._members.cut(member)
        try:
            async with asyncio.timeout_at(deadline):
                member = await self._made()
        except BaseException:
            self._not_used(None, borrower)
            raise
        member.borrower = borrower
        return member

    async def _made(self) -> PoolMember:
        member = await self._members.make()
        if self._closed:
            self._members.cut(member)
            raise _stopping()
        return member

    def _not_used(self, free: PoolMember | None, borrower: Borrower) -> None:
        """Take back what a borrower was given and never got."""
        self._shares.give_back(borrower)
        self._take_back(free)

    def _take_back(self, member: PoolMember | None) -> None:
        """Whether it can be lent again is decided when it is."""
        self._is_nobodys(member)
        if member is not None and self._closed:
            self._start(self._members.shut(member))
        else:
            self._pass_on(member)

    def _pass_on(self, free: PoolMember | None) -> None:
        """Give a connection, or a vacancy (None), to the longest wait; keep it when nobody waits."""
        if self._queue.serve(free):
            return
        if free is None:
            self._vacancies += 1
            return
        self._idle.append(free)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(self.limits.idle, self._close_idle)

    def _close_idle(self) -> None:
        self._sweep = None
        now = time.monotonic()
        while self._idle and self._idle[0].idle_since + self.limits.idle <= now:
            self._drop(self._idle.pop(0))
        if self._idle:
            left = self._idle[0].idle_since + self.limits.idle - now
            self._sweep = asyncio.get_running_loop().call_later(left, self._close_idle)

    def _is_nobodys(self, member: PoolMember | None) -> None:
        if member is not None:
            self._shares.give_back(member.borrower)
            member.borrower = None

    def _drop(self, member: PoolMember) -> None:
        self._is_nobodys(member)
        self._members.cut(member)
        self._pass_on(None)

    async def _restore(self, member: PoolMember, after: After, *, is_open: bool) -> None:
        try:
            await self._members.restore(member, after, is_open=is_open)
        except Exception:  # noqa: BLE001  whatever it was, the connection cannot be trusted any more
            self._drop(member)
        except asyncio.CancelledError:
            self._drop(member)
            raise
        else:
            self._take_back(member)

    def _becomes_pooled(self) -> None:
        """Switch to pooler mode: the present connections are closed when they come back."""
        if self._connector.becomes_pooled():
            self.expire()

    def expire(self) -> None:
        """Lend none of the present connections again."""
        self._members.expire()
        while self._idle:
            self._drop(self._idle.pop())

    def _unavailable(self, error: Exception, borrower: Borrower) -> BaseException:
        is_late = isinstance(error, TimeoutError)
        if is_late and self._shares.are_used_up(borrower):
            fault: BaseException = DatabaseUnavailable(
                "All database connections of this function are in use; try again.",
                reason=f"{borrower} kept all {self._shares.most} connections that one function may have"
                f" for {self.limits.acquire:g} s",
            )
        elif is_late and self._is_exhausted():
            fault = DatabaseUnavailable(
                "All database connections are in use; try again.",
                reason=f"all {self.limits.pool_max} connections stayed busy for {self.limits.acquire:g} s"
                + (f": {held}" if (held := str(self._shares)) else ""),
            )
        else:
            fault = while_connecting(error)
        if isinstance(fault, PoolerDetected):
            self._becomes_pooled()
        if isinstance(fault, DatabaseUnavailable):
            self._log_outage(fault.reason)
        return fault

    def _is_exhausted(self) -> bool:
        now = self.statistics()
        return now.size == now.maximum and now.idle == 0

    def _log_outage(self, reason: str) -> None:
        self._is_away = True
        if self._outages.admit() is not None:
            log.warning("database.unavailable", extra={"reason": reason})

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        # A clean context: if the call's end cancelled this task too, the connection would be lost.
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _stopping() -> DatabaseUnavailable:
    return DatabaseUnavailable(reason="the service is shutting down")

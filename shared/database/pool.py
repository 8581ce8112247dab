"""The pool: opened at first use, every wait bounded, whoever waited longest is served first.

asyncpg has one too; it makes a task and a proxy for each loan, which costs more than a query by key. This one
gives a connection back in a few steps, none of which waits, and puts in order while nobody waits what was
broken off.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine
from contextvars import Context
from typing import Any

import asyncpg

from shared.database.connection.connector import Connector, Limits
from shared.database.connection.target import Target
from shared.database.failures import PoolerDetected, while_connecting
from shared.database.lease import Member, is_in_transaction, is_unfinished
from shared.database.reset import reset
from shared.database.spans import Instruments, Statistics
from shared.database.statements import After
from shared.database.turns import Turns
from shared.errors import DatabaseUnavailable
from shared.throttle import Throttle

log = logging.getLogger("annex.database")

_RELEASE_SECONDS = 2.0


class Pool:
    """Connections to one target.

    Attributes:
        limits: as given.
    """

    def __init__(self, target: Target, limits: Limits, instruments: Instruments) -> None:
        self.limits = limits
        self._connector = Connector(target, limits)
        self._instruments = instruments
        self._members: set[Member] = set()
        self._idle: list[Member] = []  # the one used last is lent first, so that the others can go
        self._places = limits.pool_max  # for connections that are not there yet
        self._turns = Turns(limits.acquire, self._take_back)
        self._sweep: asyncio.TimerHandle | None = None
        self._closed = False
        self._emptied = asyncio.Event()
        self._waiting = 0
        self._answered = float("-inf")
        self._complaints = Throttle(seconds=10)
        self._is_away = False
        self._background: set[asyncio.Task[None]] = set()

    @property
    def behind_pooler(self) -> bool:
        """Whether a transaction pooler is in front of the server."""
        return self._connector.behind_pooler

    @property
    def local_settings(self) -> str:
        """What a transaction must begin with."""
        return self._connector.local_settings

    async def acquire(self) -> Member:
        """Lend a connection, as soon as there is one; it must come back through `release`.

        Raises:
            DatabaseUnavailable: none within the acquire budget, or the server cannot be reached.
        """
        if (free := self.lend()) is not None:
            return free
        began = time.time_ns()
        self._waiting += 1
        try:
            member = await self._in_turn()
        except Exception as error:  # noqa: BLE001  whatever stops a connect means that there is none
            self._instruments.acquired(began, error)
            raise self._unavailable(error) from None
        finally:
            self._waiting -= 1
        try:
            self._instruments.acquired(began)
        except BaseException:
            self.release(member, None, after=After.KEEP)  # nobody will use it
            raise
        return self._lent(member)

    def lend(self) -> Member | None:
        """Lend a connection that is free now, None when one has to be waited for."""
        while self._idle:
            member = self._idle.pop()
            if member.loans > 0 and not member.connection.is_closed():  # `is_usable` without a call
                return self._lent(member)
            self._drop(member)
        return None

    def release(self, member: Member, error: BaseException | None, *, after: After) -> None:
        """Take a connection back from who ended with `error`; one that needs it is put in order meanwhile."""
        broken = error is not None and is_unfinished(error)
        if isinstance(error, PoolerDetected):
            self._becomes_pooled()
        if not broken:
            self._answered = member.idle_since = time.monotonic()
        if self.behind_pooler:
            after = After.KEEP  # the session is the pooler's, and another one by now
        is_open = broken or is_in_transaction(member.connection)
        if after is After.CLOSE:
            self._drop(member)
        elif is_open or after is After.RESET:
            self._later(self._put_in_order(member, after, is_open=is_open))
        else:
            self._take_back(member)

    async def reload_schema(self) -> None:
        """Forget on every connection what a migration has made wrong; asks the server nothing."""
        for member in tuple(self._members):
            if not member.connection.is_closed():
                await member.connection.reload_schema_state()

    def statistics(self) -> Statistics:
        """Return the pool as it is now."""
        idle = sum(not member.connection.is_closed() for member in self._idle)
        size = sum(not member.connection.is_closed() for member in self._members)
        # A task that takes a free connection at once was never waiting.
        return Statistics(size=size, idle=idle, waiting=self._waiting, maximum=self.limits.pool_max)

    def is_busy_but_alive(self, within: float) -> bool:
        """Whether every connection is in use and one of them got an answer in the last `within` seconds."""
        return self._is_exhausted() and time.monotonic() - self._answered < within

    async def close(self) -> None:
        """Close every connection; those still in use after ``limits.close`` seconds are cut."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        self._turns.close(_stopping())
        idle, self._idle = self._idle, []
        for member in idle:
            self._later(self._shut(member))
        await self._until_empty()
        if self._background:
            _, unfinished = await asyncio.wait(self._background, timeout=_RELEASE_SECONDS)
            for task in unfinished:
                task.cancel()

    def _lent(self, member: Member) -> Member:
        if self._is_away:
            self._is_away = False
            log.info("database.available")
        member.loans -= 1
        return member

    async def _in_turn(self) -> Member:
        """Wait for a connection, or for a place to make one in."""
        if self._closed:
            raise _stopping()
        deadline = asyncio.get_running_loop().time() + self.limits.acquire
        if self._places:
            self._places -= 1
        else:
            member = await self._turns()
            if member is not None and member.is_usable:
                return member
            if member is not None:
                self._cut(member)
        try:
            async with asyncio.timeout_at(deadline):
                return await self._made()
        except BaseException:
            self._pass_on(None)
            raise

    async def _made(self) -> Member:
        connection = await self._connector.connect()
        if self._closed:
            connection.terminate()
            raise _stopping()
        member = Member(connection, self.limits.loans)
        self._members.add(member)
        return member

    def _take_back(self, member: Member | None) -> None:
        """Whether it may be lent once more is asked by whoever gets it."""
        if member is not None and self._closed:
            self._later(self._shut(member))
        else:
            self._pass_on(member)

    def _pass_on(self, free: Member | None) -> None:
        """Give a connection, or a place (None), to whoever has waited longest; keep it when nobody does."""
        if self._turns.serve(free):
            return
        if free is None:
            self._places += 1
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

    def _drop(self, member: Member) -> None:
        self._cut(member)
        self._pass_on(None)

    def _cut(self, member: Member) -> None:
        member.connection.terminate()
        self._members.discard(member)
        if not self._members:
            self._emptied.set()

    def _becomes_pooled(self) -> None:
        """Turn to pooler mode: new connections are made for it, the present ones go when asked for."""
        if not self._connector.becomes_pooled():
            return
        for member in self._members:
            member.loans = 0
        while self._idle:
            self._drop(self._idle.pop())

    def _unavailable(self, error: Exception) -> BaseException:
        if isinstance(error, TimeoutError) and self._is_exhausted():
            fault: BaseException = DatabaseUnavailable(
                "Every database connection is in use; try again.",
                reason=f"all {self.limits.pool_max} connections stayed busy for {self.limits.acquire:g} s",
            )
        else:
            fault = while_connecting(error)
        if isinstance(fault, PoolerDetected):
            self._becomes_pooled()
        if isinstance(fault, DatabaseUnavailable):
            self._complain(fault.reason)
        return fault

    def _is_exhausted(self) -> bool:
        now = self.statistics()
        return now.size == now.maximum and now.idle == 0

    def _complain(self, reason: str) -> None:
        """One line every ten seconds: an outage must not fill the log with itself."""
        self._is_away = True
        if self._complaints.admit() is not None:
            log.warning("database.unavailable", extra={"reason": reason})

    async def _put_in_order(self, member: Member, after: After, *, is_open: bool) -> None:
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                if is_open:
                    await _end(member.connection)
                if after is After.RESET:
                    await reset(member.connection)
        except Exception:  # noqa: BLE001  whatever it was, the connection is not to be trusted again
            self._drop(member)
        except asyncio.CancelledError:
            self._drop(member)
            raise
        else:
            member.idle_since = time.monotonic()
            self._take_back(member)

    async def _shut(self, member: Member) -> None:
        try:
            await member.connection.close(timeout=_RELEASE_SECONDS)
        except Exception:  # noqa: BLE001  it is closed all the same
            log.debug("database.close_failed")
        finally:
            self._cut(member)

    async def _until_empty(self) -> None:
        try:
            async with asyncio.timeout(self.limits.close):
                while self._members:
                    self._emptied.clear()
                    await self._emptied.wait()
        except TimeoutError:
            log.warning("database.connections_cut", extra={"count": len(self._members)})
            for member in tuple(self._members):
                self._cut(member)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        # A clean context: ended together with a call, it would lose the connection that the call has used.
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _end(connection: asyncpg.Connection) -> None:
    """End what is still at work, or open.

    Whatever is sent first waits until the server has let go of a statement that was cancelled; only then is
    it known whether a BEGIN was in time.
    """
    await connection.execute("ROLLBACK" if is_in_transaction(connection) else "SELECT 1")
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")


def _stopping() -> DatabaseUnavailable:
    return DatabaseUnavailable(reason="the service is stopping")

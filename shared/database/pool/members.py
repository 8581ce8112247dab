"""The open connections of one pool: making, restoring and closing each."""

import asyncio
import logging
import time

import asyncpg

from shared.database.connection.connector import Connector, Limits
from shared.database.pool import session, unseen
from shared.database.pool.shares import Borrower
from shared.database.statements.statement import After

log = logging.getLogger("annex.database")

RELEASE_TIMEOUT = 2.0
"""Seconds in which a connection must be restored, or closed."""

KNOWN_SECONDS = 60.0
"""For how long what the catalogue said of views and policies holds when a connection is opened."""


class PoolMember:
    """One connection of the pool: lent, idle, or being restored.

    Attributes:
        connection: to the server.
        loans: how often it may still be lent.
        idle_since: time of its last response, on the clock of `time.monotonic`.
        borrower: who has it, as `ConnectionShares` counts.
    """

    __slots__ = ("borrower", "connection", "idle_since", "loans")

    def __init__(self, connection: asyncpg.Connection, loans: int) -> None:
        self.connection = connection
        self.loans = loans
        self.idle_since = 0.0
        self.borrower: Borrower = None

    @property
    def is_usable(self) -> bool:
        """Whether it may be lent again."""
        return self.loans > 0 and not self.connection.is_closed()


class Members:
    """Every open connection of one pool.

    Attributes:
        unseen: what a read may run that its text does not tell; asked for with a new connection.
    """

    def __init__(self, connector: Connector, limits: Limits) -> None:
        self._connector = connector
        self._limits = limits
        self._open: set[PoolMember] = set()
        self._emptied = asyncio.Event()
        self.unseen = unseen.UNKNOWN
        self._asked = 0.0

    @property
    def size(self) -> int:
        """How many are open."""
        return sum(not member.connection.is_closed() for member in self._open)

    async def make(self) -> PoolMember:
        """Open a connection."""
        member = PoolMember(await self._connector.connect(), self._limits.loans)
        self._open.add(member)
        try:
            if not self._connector.behind_pooler:  # behind one nothing is reset
                await self._ask(member)
        except BaseException:
            self.cut(member)
            raise
        return member

    async def _ask(self, member: PoolMember) -> None:
        """Learn what reads may run; the first question of a connection costs more than opening it."""
        if self.unseen is unseen.UNKNOWN or self._asked + KNOWN_SECONDS < time.monotonic():
            self._asked = time.monotonic()
            self.unseen = await unseen.read(member.connection)

    async def restore(self, member: PoolMember, after: After, *, is_open: bool) -> None:
        """End what its user left open and reset the session where `after` asks for it.

        Raises:
            Exception: whatever went wrong; the connection must not be lent again.
        """
        async with asyncio.timeout(RELEASE_TIMEOUT):
            if is_open:
                await session.end(member.connection)
            if after is After.RESET:
                await session.reset(member.connection)
                if self.unseen is unseen.UNKNOWN:
                    await self._ask(member)
        member.idle_since = time.monotonic()

    def cut(self, member: PoolMember) -> None:
        """Close a connection at once."""
        member.connection.terminate()
        self._open.discard(member)
        if not self._open:
            self._emptied.set()

    async def shut(self, member: PoolMember) -> None:
        """Close a connection after telling the server."""
        try:
            await member.connection.close(timeout=RELEASE_TIMEOUT)
        except Exception:  # noqa: BLE001  it is closed all the same
            log.debug("database.close_failed")
        finally:
            self.cut(member)

    def expire(self) -> None:
        """Let none be lent again."""
        for member in self._open:
            member.loans = 0

    async def reload_schema(self) -> None:
        """Forget what is known of tables, views and types; sends nothing."""
        self.unseen = unseen.UNKNOWN
        for member in tuple(self._open):
            if not member.connection.is_closed():
                await member.connection.reload_schema_state()

    async def until_empty(self) -> None:
        """Wait until all are closed; after ``limits.close`` seconds the rest is cut."""
        try:
            async with asyncio.timeout(self._limits.close):
                while self._open:
                    self._emptied.clear()
                    await self._emptied.wait()
        except TimeoutError:
            log.warning("database.connections_cut", extra={"count": len(self._open)})
            for member in tuple(self._open):
                self.cut(member)

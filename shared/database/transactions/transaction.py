"""Transactions: one connection, all or nothing, retried where that is safe."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Literal

import asyncpg
from msgspec import Struct

from shared.database.errors import (
    ConnectionLost,
    PoolerDetected,
    QueryFailed,
    ReadOnlyServer,
    SchemaChanged,
    SerializationFailure,
    SilentServer,
)
from shared.database.instruments import Instruments
from shared.database.pool.lease import Lease, is_unfinished
from shared.database.pool.pool import Pool
from shared.database.pool.session import is_in_transaction
from shared.database.queries import Queries, Verb, check, single
from shared.database.repeats import UNSENT, repeated
from shared.database.transactions.claims import CallerClaims, settings
from shared.database.values.arguments import written
from shared.database.values.rows import decode
from shared.errors import Conflict, Invalid, OutcomeUnknown

Isolation = Literal["read committed", "repeatable read", "serializable"]

READ_ONLY = " READ ONLY; SELECT 1"
"""Follows BEGIN. The SELECT takes a snapshot; after one the server refuses to make it writable."""
_NO_ROLE = ("22023", "42501", "42704")
WRITE_REFUSED = "A write was attempted with read_only=True; remove read_only or the write"


_ROLLED_BACK = (SerializationFailure, SchemaChanged, QueryFailed, Conflict, Invalid)
"""What the server answers a COMMIT that changed nothing; any other failure leaves the outcome open."""

type Follower = Callable[[bool], Awaitable[None]]
"""Called after a transaction with whether it was committed; raises nothing."""

_open: ContextVar["Transaction | None"] = ContextVar("annex_transaction", default=None)


def open_transaction() -> "Transaction | None":
    """Return the transaction around this code; None outside of one, and in one that is read-only."""
    transaction = _open.get()
    return None if transaction is None or transaction.is_over else transaction


class Transaction(Queries):
    """Its statements take effect together or not at all.

    Attributes:
        is_over: it was committed or rolled back.
    """

    def __init__(self, lease: Lease, pool: Pool, instruments: Instruments, *, read_only: bool) -> None:
        self._lease = lease
        self._pool = pool
        self._instruments = instruments
        self._read_only = read_only
        self._cursors = 0
        self._number = ""
        self._followers: list[Follower] = []
        self.is_over = False

    async def number(self) -> str:
        """Return its number in the server, for `pg_xact_status`; a new one where it has none."""
        self._number = self._number or await self.fetch_value("SELECT pg_current_xact_id()::text")
        return self._number

    def follow(self, follower: Follower) -> None:
        """Have `follower` called at the end; not at all where nobody knows whether the COMMIT arrived."""
        self._followers.append(follower)

    async def end(self, *, is_committed: bool | None) -> None:
        """Tell those who follow; None where the outcome is open."""
        self.is_over = True
        for follower in self._followers if is_committed is not None else ():
            await follower(bool(is_committed))

    async def _run[T](self, verb: Verb[T], sql: str, *args: object) -> T:
        statement = self._instruments.record(sql).statement
        check(statement, behind_pooler=self._pool.behind_pooler)
        self._lease.after = max(self._lease.after, self._pool.after(statement))
        if self._read_only or not statement.is_certain:
            verb = single(verb)
        args = written(args)
        try:
            try:
                return await self._send(verb, sql, args)
            except UNSENT as fault:
                return await self._send(await repeated(verb, fault, self._pool), sql, args)
        except SchemaChanged:
            await self._pool.reload_schema()
            raise
        except ReadOnlyServer:
            if self._read_only:
                raise QueryFailed(WRITE_REFUSED, sqlstate="25006") from None
            self._pool.expire()
            raise

    async def _send[T](self, verb: Verb[T], sql: str, args: tuple[object, ...]) -> T:
        with self._instruments.statement(sql):
            return await verb(self._lease.connection, sql, *args)

    async def iterate[T: Struct](
        self, kind: type[T], sql: str, *args: object, batch: int = 500
    ) -> AsyncGenerator[T]:
        """Yield rows from a server-side cursor, `batch` of them in memory at a time."""
        fetch = await self._cursor(sql, args, batch)
        while records := await self._run(fetch, sql):
            for row in decode(kind, records):
                yield row

    async def _cursor(self, sql: str, args: tuple[object, ...], batch: int) -> Verb[list[Any]]:
        if not self._pool.behind_pooler:
            cursor = await self._run(asyncpg.Connection.cursor, sql, *args)
            return lambda *_: cursor.fetch(batch)
        # asyncpg's own cursor prepares a named statement, which fails behind a pooler.
        self._cursors += 1
        name = f"annex_cursor_{self._cursors}"
        declared = f"DECLARE {name} CURSOR FOR {sql}"
        await self._run(lambda connection, _, *args: connection.fetch(declared, *args), sql, *args)
        return lambda connection, _: connection.fetch(f"FETCH {batch} FROM {name}")


class TransactionScope:
    """``async with database.transaction() as transaction:``, or `run` where a retry is wanted."""

    def __init__(
        self,
        pool: Pool,
        instruments: Instruments,
        *,
        isolation: Isolation | None,
        read_only: bool,
        caller: CallerClaims | None,
        role: str | None,
    ) -> None:
        self._pool = pool
        self._instruments = instruments
        self._read_only = read_only
        level = f" ISOLATION LEVEL {isolation.upper()}" if isolation else ""
        self._begin = f"BEGIN{level}{READ_ONLY if read_only else ''}"
        self._local = settings(caller, role)
        self._role = role
        self._lease: Lease | None = None
        self._transaction: Transaction | None = None
        self._outer: Transaction | None = None

    async def run[T](self, work: Callable[[Transaction], Awaitable[T]], *, attempts: int = 3) -> T:
        """Run `work` in a transaction and return its result; it must change nothing but the database.

        It is run again from the start after a conflict with a concurrent transaction, and when a migration or
        a pooler invalidated a prepared statement: in each case the failed attempt was rolled back.

        Raises:
            SerializationFailure: the last attempt failed like this too.
        """
        for attempt in range(attempts):
            try:
                async with self as transaction:
                    return await work(transaction)
            except (SerializationFailure, SchemaChanged, PoolerDetected):
                if attempt == attempts - 1:
                    raise
            # So that two transactions do not collide again; longer after each attempt.
            await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311  no secret is made of it
        raise AssertionError("attempts must be at least 1")

    async def __aenter__(self) -> Transaction:
        if self._lease is not None:
            raise QueryFailed(
                "A transaction was entered twice; call database.transaction() once for each block"
            )
        try:
            lease = await self._opened()
        except ConnectionLost:
            lease = (
                await self._opened()
            )  # the connection broke in the pool; nothing of the transaction was sent
        self._lease = lease
        transaction = Transaction(lease, self._pool, self._instruments, read_only=self._read_only)
        if not self._read_only:
            self._transaction, self._outer = transaction, _open.get()
            _open.set(transaction)
        return transaction

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._lease is not None  # noqa: S101  __aenter__ ran
        lease, self._lease = self._lease, None
        is_committed: bool | None = False
        try:
            if error is None:
                is_committed = None
                await self._commit(lease.connection)
                is_committed = True
            elif not is_unfinished(error):
                await self._roll_back(lease.connection)
            # Otherwise the pool rolls back in the background, so that the caller does not wait.
        except BaseException as failure:
            error = failure
            is_committed = False if isinstance(failure, _ROLLED_BACK) else is_committed
            raise
        finally:
            lease.end(error)
            if self._transaction is not None:
                transaction, self._transaction = self._transaction, None
                _open.set(self._outer)
                await transaction.end(is_committed=is_committed)

    async def _opened(self) -> Lease:
        lease = Lease(self._pool, await self._pool.acquire())
        try:
            with self._instruments.statement(self._begin):
                await lease.connection.execute(self._begin + self._pool.local_settings + self._local)
        except BaseException as error:
            lease.end(error)
            if self._role is not None and getattr(error, "sqlstate", "") in _NO_ROLE:
                raise QueryFailed(
                    f"The role {self._role!r} does not exist or may not be taken; create it and GRANT it"
                    " to the service's role"
                ) from None
            raise
        return lease

    async def _commit(self, connection: asyncpg.Connection) -> None:
        try:
            with self._instruments.statement("COMMIT"):
                status = await connection.execute("COMMIT")
        except (ConnectionLost, SilentServer) as error:
            raise (error if self._read_only else OutcomeUnknown()) from None
        if status == "ROLLBACK":
            raise QueryFailed("The transaction was rolled back: an error inside it was caught and ignored")

    async def _roll_back(self, connection: asyncpg.Connection) -> None:
        if not is_in_transaction(connection):
            return
        with self._instruments.statement("ROLLBACK"):
            await connection.execute("ROLLBACK")

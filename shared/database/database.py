"""`Database`: what a function gets when it asks for the database."""

import asyncio
import copy
import logging
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self

from msgspec import Struct, structs
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from shared.database.channels import Subscription
from shared.database.connection.connector import Limits
from shared.database.connection.target import Pooler, Target
from shared.database.connection.url import translate
from shared.database.errors import (
    ConnectionLost,
    PoolInUse,
    QueryFailed,
    ReadOnlyServer,
    SchemaChanged,
    SilentServer,
)
from shared.database.failures import translate as translate_error
from shared.database.failures import while_connecting
from shared.database.instruments import Instruments, MakeHistogram, StatementRecord, Statistics
from shared.database.pool.lease import Lease
from shared.database.pool.pool import Pool
from shared.database.pool.shares import Borrower, nobody
from shared.database.queries import Connection, Queries, Verb, check, single
from shared.database.repeats import REPEATABLE, repeated
from shared.database.transactions.claims import CallerClaims
from shared.database.transactions.transaction import READ_ONLY, WRITE_REFUSED, Isolation, TransactionScope
from shared.database.values.arguments import written
from shared.errors import DatabaseUnavailable, OutcomeUnknown
from shared.secret import Secret

log = logging.getLogger("annex.database")

# When every connection is in use, a response this recent counts as a ping.
_ALIVE_SECONDS = 5.0
# Two: a second migration, or a connection that was in use when the others forgot the old schema.
_RETRIES = 2


def pool_size(target: Target) -> int:
    """Return how many connections a URL asks for."""
    return target.pool_max or Limits().pool_max


class Database(Queries):
    """The app's PostgreSQL. Owned by ``async with``; connects at first use and reconnects by itself.

    Attributes:
        notices: parameters of the URL that were ignored or weakened, for the log and `annex doctor`.
    """

    def __init__(
        self,
        target: Target | None,
        limits: Limits,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        histogram: MakeHistogram | None = None,
        borrower: Callable[[], Borrower] = nobody,
    ) -> None:
        self.notices = target.notices if target else ()
        self._read_only = False
        self._loop: asyncio.AbstractEventLoop | None = None
        attributes = target.attributes() if target else {}
        self._instruments = Instruments(attributes, tracer_provider, meter_provider, histogram)
        self._pool = Pool(target, limits, self._instruments, borrower) if target else None
        if self._pool is not None:
            self._instruments.watch(self._pool.statistics)

    @classmethod
    def from_url(  # noqa: PLR0913  each is one setting, by name
        cls,
        url: Secret | None,
        *,
        pool_max: int | None = None,
        pooler: Pooler | None = None,
        acquire_timeout: float | None = None,
        connect_timeout: float | None = None,
        query_timeout: float | None = None,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        histogram: MakeHistogram | None = None,
        borrower: Callable[[], Borrower] = nobody,
    ) -> Self:
        """Build a database from the app's URL; nothing is connected yet.

        Arguments take precedence over the URL, and the URL over the defaults of `Limits`. `borrower` returns
        who is asking for a connection, such as a function's file: none may have them all. Without a URL every
        use raises `DatabaseUnavailable`.

        Raises:
            InvalidDatabaseUrl: the URL cannot be used; the message gives the cure and quotes nothing of it.
        """
        target = translate(url.reveal()) if url is not None else None
        defaults = Limits()
        if target is None:
            return cls(None, defaults)
        if pooler is not None:
            target = structs.replace(target, pooler=pooler)
        limits = Limits(
            pool_max=pool_max or pool_size(target),
            acquire=acquire_timeout or target.acquire_timeout or defaults.acquire,
            connect=connect_timeout or target.connect_timeout or defaults.connect,
            query=query_timeout or target.query_timeout or defaults.query,
        )
        return cls(
            target,
            limits,
            tracer_provider=tracer_provider,
            meter_provider=meter_provider,
            histogram=histogram,
            borrower=borrower,
        )

    @property
    def is_behind_pooler(self) -> bool:
        """Whether a transaction pooler was declared or, once connected, detected."""
        return self._pool is not None and self._pool.behind_pooler

    def read_only(self) -> "Database":
        """Return a view of the same pool whose statements and transactions cannot write."""
        view = copy.copy(self)
        view._read_only = True  # noqa: SLF001  a copy of this object
        return view

    def transaction(
        self,
        *,
        isolation: Isolation | None = None,
        read_only: bool = False,
        claims: CallerClaims | None = None,
        role: str | None = None,
    ) -> TransactionScope:
        """Return a transaction: ``async with db.transaction() as transaction:``.

        It commits at the end of the block and rolls back when an exception leaves it. With a stricter
        `isolation` use ``await db.transaction(isolation="serializable").run(work)``, which retries conflicts.

        Args:
            isolation: None is the server's default, read committed.
            read_only: nothing in it can write.
            claims: the caller, or claims of your own: ``request.jwt.claims`` for row-level security policies.
            role: the role under which its statements run, such as ``authenticated``.
        """
        return TransactionScope(
            self._opened_pool(),
            self._instruments,
            isolation=isolation,
            read_only=read_only or self._read_only,
            caller=claims,
            role=role,
        )

    def listen(self, channel: str) -> Subscription:
        """Return the notifications of a channel: ``async with db.listen("jobs") as notifications:``.

        It hears from the beginning of the block on. All listeners share one connection, beside the pool.

        Raises (on entering):
            QueryFailed: behind a transaction pooler, where there are no notifications.
            DatabaseUnavailable: the server cannot be reached.
        """
        return Subscription(self._opened_pool().channels, channel)

    async def iterate[T: Struct](
        self, kind: type[T], sql: str, *args: object, batch: int = 500
    ) -> AsyncGenerator[T]:
        """Yield rows from a server-side cursor, in a read-only transaction that lasts as long as the loop.

        To leave the loop early, use ``contextlib.aclosing``, so that the connection is returned at once.
        """
        async with (
            self.transaction(read_only=True) as transaction,
            aclosing(transaction.iterate(kind, sql, *args, batch=batch)) as rows,
        ):
            async for row in rows:
                yield row

    def wait[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` on the event loop and wait for it, from a plain `def` function, which runs in a thread.

        The call's deadline cancels `work` too.

        Raises:
            DatabaseUnavailable: the service is not running.
        """
        if self._loop is None:
            work.close()
            raise DatabaseUnavailable
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def ping(self, timeout: float = 1.0) -> float:
        """Return the time of one round trip to the server, in seconds; makes no span.

        A pool whose connections are all in use and get responses counts as reachable.

        Raises:
            PoolInUse: every connection is in use, so that the server was not asked.
            DatabaseUnavailable: no response within `timeout` seconds.
        """
        pool, began = self._opened_pool(), time.perf_counter()
        if pool.is_busy_but_alive(within=_ALIVE_SECONDS):
            return 0.0
        try:
            async with asyncio.timeout(timeout):
                with Lease(pool, await pool.acquire()) as connection:
                    await connection.execute("SELECT 1")
        except Exception as error:  # noqa: BLE001  whatever prevents the ping means that there is no response
            if holders := pool.in_use():
                raise PoolInUse(pool.limits.pool_max, holders) from None
            raise while_connecting(error) from None
        return time.perf_counter() - began

    def statistics(self) -> Statistics:
        """Return the pool's current numbers."""
        return self._pool.statistics() if self._pool else Statistics(0, 0, 0, 0)

    async def __aenter__(self) -> Self:
        if self._loop is not None:
            raise RuntimeError(
                "The service owns the pool; do not enter it. Use `async with db.transaction()`."
            )
        self._loop = asyncio.get_running_loop()
        for notice in self.notices:
            log.info("database.url", extra={"notice": notice})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the pool; the wait is bounded, connections still in use are cut."""
        if self._pool is not None:
            await self._pool.close()

    async def _run[T](self, verb: Verb[T], sql: str, *args: object) -> T:
        pool, record = self._opened_pool(), self._instruments.record(sql)
        check(record.statement, behind_pooler=pool.behind_pooler)
        if not record.statement.is_certain:
            verb = single(verb)
        args = written(args)
        for retries in reversed(range(_RETRIES + 1)):
            try:
                return await self._once(pool, record, verb, sql, *args)
            except REPEATABLE as fault:
                verb = await repeated(verb, fault, pool)
                if not retries:
                    raise
            except ReadOnlyServer:
                pool.expire()
                raise
        raise AssertionError("the last try returns or raises")

    async def _once[T](
        self, pool: Pool, record: StatementRecord, verb: Verb[T], sql: str, *args: object
    ) -> T:
        # No `with`: docs/adr/0099-statement-reported-at-its-end.md has what context managers cost here.
        member = pool.lend() or await pool.acquire()
        fault: BaseException | None = None
        began = time.perf_counter_ns()
        in_transaction = self._read_only or pool.behind_pooler
        try:
            if in_transaction:
                answer = await self._in_transaction(pool, member.connection, verb, sql, *args)
            else:
                answer = await verb(member.connection, sql, *args)
        except BaseException as error:
            # First: if recording fails, the connection must not look healthy.
            fault = self._named(error, in_transaction=in_transaction)
            self._instruments.failed(record, began, error)
            if fault is error:
                raise
            raise fault from None
        else:
            self._instruments.succeeded(record, began)
            return answer
        finally:
            pool.release(member, fault, after=pool.after(record.statement))

    def _named(self, error: BaseException, *, in_transaction: bool) -> BaseException:
        """Name an error by what it leaves behind: outside a transaction even a SELECT may have written."""
        fault = translate_error(error)
        if isinstance(fault, ConnectionLost | SilentServer) and not in_transaction:
            return OutcomeUnknown()
        if isinstance(fault, SchemaChanged):
            fault.done = fault.done and not in_transaction  # a transaction is rolled back
        if isinstance(fault, ReadOnlyServer) and self._read_only:
            return QueryFailed(WRITE_REFUSED, sqlstate="25006")
        return fault

    async def _in_transaction[T](
        self, pool: Pool, connection: Connection, verb: Verb[T], sql: str, *args: object
    ) -> T:
        """Read-only mode and, behind a pooler, all settings need a transaction."""
        begin = f"BEGIN{READ_ONLY}" if self._read_only else "BEGIN"
        await connection.execute(begin + pool.local_settings)
        answer = await (single(verb) if self._read_only else verb)(connection, sql, *args)
        try:
            await connection.execute("COMMIT")
        except Exception as error:
            lost = isinstance(translate_error(error), ConnectionLost | SilentServer)
            if lost and not self._read_only:
                raise OutcomeUnknown from None
            raise
        return answer

    def _opened_pool(self) -> Pool:
        if self._pool is None:
            raise DatabaseUnavailable(reason="DATABASE_URL is not set")
        return self._pool

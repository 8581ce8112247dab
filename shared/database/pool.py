"""The pool: opened at first use, every wait bounded, a pooler in front of the server recognised.

asyncpg owns the connections; this room owns how long anybody waits for one, what a connection is told when
it is new, and in what state it goes back.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine
from contextvars import Context
from types import TracebackType
from typing import Any

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy
from msgspec import Struct

from shared.database.failures import PoolerDetected, while_connecting
from shared.database.spans import Instruments, Statistics
from shared.database.target import Target
from shared.database.tls import context
from shared.errors import DatabaseUnavailable, DeadlineExceeded

log = logging.getLogger("annex.database")

_RELEASE_SECONDS = 2.0
_IDLE_SECONDS = 60.0
# The server stops a statement first, so that the connection stays usable; this much later we stop waiting.
_GRACE_SECONDS = 1.0


class Limits(Struct, frozen=True, kw_only=True):
    """How much and how long; seconds.

    Attributes:
        pool_max: connections of this process.
        acquire: for a free connection, connecting included.
        connect: for one new connection.
        query: for one statement.
        close: for connections in use at shutdown, before they are cut.
    """

    pool_max: int = 5
    acquire: float = 5.0
    connect: float = 5.0
    query: float = 20.0
    close: float = 3.0


def is_unfinished(error: BaseException | None) -> bool:
    """Whether after `error` a statement may still be at work on its connection."""
    return isinstance(error, DatabaseUnavailable | DeadlineExceeded) or not isinstance(
        error, Exception | None
    )


class Lease:
    """One borrowed connection: ``async with lease as connection``.

    Attributes:
        touched: set when the session may have been changed; it is reset before the next one gets it.
    """

    __slots__ = ("_owner", "connection", "pool", "touched")

    def __init__(self, owner: "Pool", pool: asyncpg.Pool, connection: PoolConnectionProxy) -> None:
        self._owner = owner
        self.pool = pool
        self.connection = connection
        self.touched = False

    async def __aenter__(self) -> PoolConnectionProxy:
        return self.connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._owner.release(self, broken=is_unfinished(error))


class Pool:
    """Connections to one target.

    Attributes:
        limits: as given.
        behind_pooler: a transaction pooler is in front of the server: every statement runs in a transaction
            of its own, nothing is prepared by name, settings are sent with each transaction.
    """

    def __init__(self, target: Target, limits: Limits, instruments: Instruments) -> None:
        self.limits = limits
        self.behind_pooler = target.pooler == "transaction"
        self._target = target
        self._instruments = instruments
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()
        self._closed = False
        self._waiting = 0
        self._answered = float("-inf")
        self._complained = float("-inf")
        self._is_away = False
        self._background: set[asyncio.Task[None]] = set()

    @property
    def statement_timeout(self) -> float:
        """Seconds after which we stop waiting for a statement that the server should have stopped."""
        return self.limits.query + _GRACE_SECONDS

    @property
    def local_settings(self) -> str:
        """What a transaction must begin with, ``""`` where the connection was told when it was made."""
        if not self.behind_pooler:
            return ""
        calls = (f"set_config({_literal(name)}, {_literal(value)}, true)" for name, value in self._settings())
        return f"; SELECT {', '.join(calls)}"

    async def acquire(self) -> Lease:
        """Borrow a connection.

        Raises:
            DatabaseUnavailable: none within the acquire budget, or the server cannot be reached.
        """
        began = time.time_ns()
        self._waiting += 1
        try:
            async with asyncio.timeout(self.limits.acquire):
                lease = await self._borrow()
        except Exception as error:  # noqa: BLE001  whatever stops a connect means that there is none
            self._instruments.acquired(began, error)
            raise self._unavailable(error) from None
        finally:
            self._waiting -= 1
        self._instruments.acquired(began)
        if self._is_away:
            self._is_away = False
            log.info("database.available")
        return lease

    async def release(self, lease: Lease, *, broken: bool = False) -> None:
        """Give a connection back; one that was `broken` off is put in order while nobody waits."""
        if not broken:
            self._answered = time.monotonic()
        if broken or lease.touched or is_in_transaction(lease.connection):
            self._later(self._put_in_order(lease))
            return
        await lease.pool.release(lease.connection, timeout=_RELEASE_SECONDS)

    def statistics(self) -> Statistics:
        """Return the pool as it is now."""
        pool = self._pool
        size, idle = (pool.get_size(), pool.get_idle_size()) if pool else (0, 0)
        # A task that takes a free connection at once was never waiting.
        return Statistics(size=size, idle=idle, waiting=self._waiting, maximum=self.limits.pool_max)

    def is_busy_but_alive(self, within: float) -> bool:
        """Whether every connection is in use and one of them got an answer in the last `within` seconds."""
        return self._is_exhausted() and time.monotonic() - self._answered < within

    def becomes_pooled(self) -> None:
        """Turn to pooler mode: new connections are made for it, the present ones go as they come back."""
        if self.behind_pooler:
            return
        log.warning(
            "database.pooler_detected",
            extra={"cure": "set DATABASE_POOLER=transaction, or use the direct URL"},
        )
        self.behind_pooler = True
        old, self._pool = self._pool, None
        if old is not None:
            self._later(self._shut(old, within=self.statement_timeout))

    async def close(self) -> None:
        """Close every connection; those still in use after ``limits.close`` seconds are cut."""
        self._closed = True
        pool, self._pool = self._pool, None
        if pool is not None:
            await self._shut(pool, within=self.limits.close)
        if self._background:
            _, unfinished = await asyncio.wait(self._background, timeout=_RELEASE_SECONDS)
            for task in unfinished:
                task.cancel()

    async def _borrow(self) -> Lease:
        while True:
            pool = self._pool or await self._open()
            try:
                connection = await pool.acquire()
            except asyncpg.InterfaceError:
                if pool is self._pool:
                    raise
                continue  # it was retired while we stood in its queue
            if pool is self._pool:
                return Lease(self, pool, connection)
            await pool.release(connection, timeout=_RELEASE_SECONDS)

    async def _open(self) -> asyncpg.Pool:
        async with self._opening:
            if self._closed:
                raise DatabaseUnavailable(reason="the service is stopping")
            if self._pool is None:
                if not self.behind_pooler and self._target.pooler is None:
                    self.behind_pooler = await self._is_behind_pooler()
                self._pool = await asyncpg.create_pool(
                    **self._connection_arguments(pooled=self.behind_pooler),
                    min_size=0,
                    max_size=self.limits.pool_max,
                    max_inactive_connection_lifetime=_IDLE_SECONDS,
                    init=_teach_json,
                    reset=_keep_session,
                )
            return self._pool

    async def _is_behind_pooler(self) -> bool:
        """Compare the process that answers with the one the handshake named; a pooler makes up its own."""
        connection = await asyncpg.connect(**self._connection_arguments(pooled=True))
        try:
            async with connection.transaction():
                answering = await connection.fetchval("SELECT pg_backend_pid()")
            found: bool = answering != connection.get_server_pid()
        finally:
            connection.terminate()
        if found:
            log.warning(
                "database.pooler_detected",
                extra={"cure": "set DATABASE_POOLER=transaction, or DATABASE_POOLER=none if it is not one"},
            )
        return found

    def _connection_arguments(self, *, pooled: bool) -> dict[str, Any]:
        target, tls = self._target, context(self._target.tls)
        return {
            "host": [host for host, _ in target.hosts],
            "port": [port for _, port in target.hosts],
            "user": target.user,
            "password": target.password.reveal() if target.password else None,
            "database": target.database,
            "ssl": tls,
            "direct_tls": target.tls.direct,
            "timeout": self.limits.connect,
            "command_timeout": self.statement_timeout,
            "statement_cache_size": 0 if pooled else 256,
            "server_settings": {} if pooled else dict(self._settings()),
            "target_session_attrs": target.session_attributes,
        }

    def _settings(self) -> list[tuple[str, str]]:
        settings = {
            **({} if self.behind_pooler else {"application_name": "annex"}),
            "statement_timeout": str(round(self.limits.query * 1000)),
            "idle_in_transaction_session_timeout": str(round(self.limits.query * 3000)),
            **self._target.settings,
        }
        if self._target.schema:
            settings["search_path"] = _quoted(self._target.schema)
        return list(settings.items())

    def _unavailable(self, error: Exception) -> BaseException:
        if isinstance(error, TimeoutError) and self._is_exhausted():
            fault: BaseException = DatabaseUnavailable(
                "Every database connection is in use; try again.",
                reason=f"all {self.limits.pool_max} connections stayed busy for {self.limits.acquire:g} s",
            )
        else:
            fault = while_connecting(error)
        if isinstance(fault, PoolerDetected):
            self.becomes_pooled()
        if isinstance(fault, DatabaseUnavailable):
            self._complain(fault.reason)
        return fault

    def _is_exhausted(self) -> bool:
        now = self.statistics()
        return now.size == now.maximum and now.idle == 0

    def _complain(self, reason: str) -> None:
        """One line every ten seconds: an outage must not fill the log with itself."""
        self._is_away = True
        if time.monotonic() - self._complained > 10:
            self._complained = time.monotonic()
            log.warning("database.unavailable", extra={"reason": reason})

    async def _put_in_order(self, lease: Lease) -> None:
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                await self._reset(lease)
                await lease.pool.release(lease.connection, timeout=_RELEASE_SECONDS)
        except Exception:  # noqa: BLE001  whatever it was, the connection is not to be trusted again
            _cut(lease.connection)

    async def _reset(self, lease: Lease) -> None:
        if is_in_transaction(lease.connection):
            await lease.connection.execute("ROLLBACK")
        if lease.touched and not self.behind_pooler and _is_open(lease.connection):
            await lease.connection.reset(timeout=_RELEASE_SECONDS)

    async def _shut(self, pool: asyncpg.Pool, *, within: float) -> None:
        try:
            async with asyncio.timeout(within):
                await pool.close()
        except TimeoutError:
            log.warning("database.connections_cut", extra={"count": pool.get_size() - pool.get_idle_size()})
            pool.terminate()

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        # A clean context: ended together with a call, it would lose the connection that the call has used.
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _is_open(connection: PoolConnectionProxy) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:
        return False  # it broke, and went back to the pool by itself


def is_in_transaction(connection: PoolConnectionProxy) -> bool:
    """Whether there is something to roll back; a broken connection has nothing."""
    return _is_open(connection) and connection.is_in_transaction()


def _cut(connection: PoolConnectionProxy) -> None:
    try:
        connection.terminate()
    except asyncpg.InterfaceError:
        return  # it was back in the pool already


async def _teach_json(connection: asyncpg.Connection) -> None:
    """Both JSON types are values, not text; neither call asks the server anything."""
    encode, decode = msgspec.json.encode, msgspec.json.decode
    await connection.set_type_codec(
        "json", schema="pg_catalog", format="binary", encoder=encode, decoder=decode
    )
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        # On the wire a jsonb begins with its version.
        encoder=lambda value: b"\x01" + encode(value),
        decoder=lambda data: decode(data[1:]),
    )


async def _keep_session(_: asyncpg.Connection) -> None:
    """Skip asyncpg's reset round trip: `Pool.release` resets where a statement touched the session."""


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

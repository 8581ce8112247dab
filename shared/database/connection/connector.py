"""Opens connections: their settings, and whether a pooler is in front of the server."""

import asyncio
import logging
from typing import Any

import asyncpg
from msgspec import Struct

from shared.database.connection.codecs import set_codecs
from shared.database.connection.target import Target
from shared.database.connection.tls import context

log = logging.getLogger("annex.database")

# Longer than the server's own limit, so that the server cancels first and the connection stays usable.
_GRACE = 1.0  # seconds


class Limits(Struct, frozen=True, kw_only=True):
    """Limits of a pool; times in seconds.

    Attributes:
        pool_max: connections of this process.
        acquire: to obtain a connection, including connecting.
        connect: to open one connection.
        query: for one statement.
        close: for connections in use at shutdown, before they are cut.
        idle: before an unused connection is closed.
        loans: how often a connection is lent before it is replaced; the server's memory for a session only
            grows.
    """

    pool_max: int = 5
    acquire: float = 5.0
    connect: float = 5.0
    query: float = 20.0
    close: float = 3.0
    idle: float = 60.0
    loans: int = 50_000


class Connector:
    """Opens connections to one target.

    Attributes:
        behind_pooler: a transaction pooler is in front of the server: every statement runs in a transaction
            of its own, no statement is prepared by name, settings are sent with each transaction.
    """

    def __init__(self, target: Target, limits: Limits) -> None:
        self.behind_pooler = target.pooler == "transaction"
        self._is_known = target.pooler is not None
        self._target = target
        self._limits = limits
        self._detecting = asyncio.Lock()

    @property
    def local_settings(self) -> str:
        """The statements that a transaction must begin with; ``""`` when the connection has its settings."""
        if not self.behind_pooler:
            return ""
        calls = (f"set_config({_literal(name)}, {_literal(value)}, true)" for name, value in self._settings())
        return f"; SELECT {', '.join(calls)}"

    async def connect(self) -> asyncpg.Connection:
        """Open a connection; the first call detects a pooler, unless the target declares it."""
        if not self._is_known:
            async with self._detecting:
                await self._detect_pooler()
        pooled = self.behind_pooler
        connection: asyncpg.Connection = await asyncpg.connect(**self._arguments(pooled=pooled))
        if pooled is not self.behind_pooler:  # detected meanwhile
            connection.terminate()
            return await self.connect()
        try:
            await set_codecs(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    def becomes_pooled(self) -> bool:
        """Switch to pooler mode; False when that was done before."""
        if self.behind_pooler:
            return False
        _log_pooler("set DATABASE_POOLER=transaction, or use the direct URL")
        self.behind_pooler = self._is_known = True
        return True

    async def _detect_pooler(self) -> None:
        """Compare the process that answers with the one named in the handshake; a pooler invents its own."""
        if self._is_known:
            return
        connection = await asyncpg.connect(**self._arguments(pooled=True))
        try:
            async with connection.transaction():
                answering = await connection.fetchval("SELECT pg_backend_pid()")
            found: bool = answering != connection.get_server_pid()
        finally:
            connection.terminate()
        if found:
            _log_pooler("set DATABASE_POOLER=transaction; if there is no pooler, DATABASE_POOLER=none")
        self.behind_pooler, self._is_known = found, True

    def _arguments(self, *, pooled: bool) -> dict[str, Any]:
        target, tls = self._target, context(self._target.tls)
        return {
            "host": [host for host, _ in target.hosts],
            "port": [port for _, port in target.hosts],
            "user": target.user,
            "password": target.password.reveal() if target.password else None,
            "database": target.database,
            "ssl": tls,
            "direct_tls": target.tls.direct,
            "timeout": self._limits.connect,
            "command_timeout": self._limits.query + _GRACE,
            "statement_cache_size": 0 if pooled else 256,
            "server_settings": {} if pooled else dict(self._settings()),
            "target_session_attrs": target.session_attributes,
        }

    def _settings(self) -> list[tuple[str, str]]:
        settings = {
            **({} if self.behind_pooler else {"application_name": "annex"}),
            # So that `now()::timestamp` means UTC, as in the columns of Prisma and Drizzle.
            **({} if self._names_time_zone() else {"TimeZone": "UTC"}),
            "statement_timeout": str(round(self._limits.query * 1000)),
            "idle_in_transaction_session_timeout": str(round(self._limits.query * 3000)),
            **self._target.settings,
        }
        if self._target.schema:
            settings["search_path"] = _quoted(self._target.schema)
        return list(settings.items())

    def _names_time_zone(self) -> bool:
        return any(name.lower() == "timezone" for name in self._target.settings)


def _log_pooler(cure: str) -> None:
    log.warning("database.pooler_detected", extra={"cure": cure})


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

"""How a connection is made: what it is told when it is new, and whether there is a pooler in front."""

import asyncio
import logging
from typing import Any

import asyncpg
import msgspec
from msgspec import Struct

from shared.database.connection.target import Target
from shared.database.connection.tls import context

log = logging.getLogger("annex.database")

# The server stops a statement first, so that the connection stays usable; this much later we stop waiting.
_GRACE_SECONDS = 1.0


class Limits(Struct, frozen=True, kw_only=True):
    """How much, how often and how long; times in seconds.

    Attributes:
        pool_max: connections of this process.
        acquire: for a free connection, connecting included.
        connect: for one new connection.
        query: for one statement.
        close: for connections in use at shutdown, before they are cut.
        idle: for a connection that nobody uses, before it is closed.
        loans: of one connection, before another takes its place: what the server remembers for a session
            only grows.
    """

    pool_max: int = 5
    acquire: float = 5.0
    connect: float = 5.0
    query: float = 20.0
    close: float = 3.0
    idle: float = 60.0
    loans: int = 50_000


class Connector:
    """Makes connections to one target.

    Attributes:
        behind_pooler: a transaction pooler is in front of the server: every statement runs in a transaction
            of its own, nothing is prepared by name, settings are sent with each transaction.
    """

    def __init__(self, target: Target, limits: Limits) -> None:
        self.behind_pooler = target.pooler == "transaction"
        self._is_known = target.pooler is not None
        self._target = target
        self._limits = limits
        self._looking = asyncio.Lock()

    @property
    def local_settings(self) -> str:
        """What a transaction must begin with, ``""`` where the connection was told when it was made."""
        if not self.behind_pooler:
            return ""
        calls = (f"set_config({_literal(name)}, {_literal(value)}, true)" for name, value in self._settings())
        return f"; SELECT {', '.join(calls)}"

    async def connect(self) -> asyncpg.Connection:
        """Make a connection; the first one looks for a pooler, unless the target knows."""
        if not self._is_known:
            async with self._looking:
                await self._look_for_pooler()
        pooled = self.behind_pooler
        connection: asyncpg.Connection = await asyncpg.connect(**self._arguments(pooled=pooled))
        if pooled is not self.behind_pooler:  # recognised meanwhile
            connection.terminate()
            return await self.connect()
        try:
            await _teach_json(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    def becomes_pooled(self) -> bool:
        """Turn to pooler mode; False when it was in it already."""
        if self.behind_pooler:
            return False
        _tell("set DATABASE_POOLER=transaction, or use the direct URL")
        self.behind_pooler = self._is_known = True
        return True

    async def _look_for_pooler(self) -> None:
        """Compare the process that answers with the one the handshake named; a pooler makes up its own."""
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
            _tell("set DATABASE_POOLER=transaction, or DATABASE_POOLER=none if it is not one")
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
            "command_timeout": self._limits.query + _GRACE_SECONDS,
            "statement_cache_size": 0 if pooled else 256,
            "server_settings": {} if pooled else dict(self._settings()),
            "target_session_attrs": target.session_attributes,
        }

    def _settings(self) -> list[tuple[str, str]]:
        settings = {
            **({} if self.behind_pooler else {"application_name": "annex"}),
            "statement_timeout": str(round(self._limits.query * 1000)),
            "idle_in_transaction_session_timeout": str(round(self._limits.query * 3000)),
            **self._target.settings,
        }
        if self._target.schema:
            settings["search_path"] = _quoted(self._target.schema)
        return list(settings.items())


async def _teach_json(connection: asyncpg.Connection) -> None:
    """Both JSON types are values, not text; neither call asks the server anything."""
    decode = msgspec.json.Decoder().decode
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=_json_text, decoder=decode)


def _json_text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _tell(cure: str) -> None:
    log.warning("database.pooler_detected", extra={"cure": cure})


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

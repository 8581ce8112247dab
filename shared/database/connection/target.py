"""Address and options of the database, independent of the dialect of its URL."""

from typing import Literal

from msgspec import Struct

from shared.secret import Secret

Pooler = Literal["none", "transaction"]
Mode = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]
SessionAttributes = Literal["any", "primary", "standby", "read-write", "read-only", "prefer-standby"]


class InvalidDatabaseUrl(ValueError):
    """The URL cannot be used; the message gives the problem and the cure and quotes none of it."""


class Tls(Struct, frozen=True, kw_only=True):
    """How the connection is encrypted.

    Attributes:
        mode: as in libpq; ``require`` encrypts without verifying the certificate.
        root: file of trusted authorities, None for the system's.
        certificate: file of the client's certificate, with `key`.
        minimum: such as ``TLSv1.3``.
        direct: TLS from the first byte (``sslnegotiation=direct``).
    """

    mode: Mode = "prefer"
    root: str | None = None
    certificate: str | None = None
    key: str | None = None
    key_password: Secret | None = None
    minimum: str | None = None
    direct: bool = False


class Target(Struct, frozen=True, kw_only=True):
    """Address and options of the database.

    Attributes:
        hosts: tried in order; a path is the directory of a socket.
        schema: Prisma's ``schema``; None keeps the role's search path.
        settings: server settings.
        pool_max: Prisma's ``connection_limit``.
        acquire_timeout: Prisma's ``pool_timeout``, seconds.
        connect_timeout: seconds.
        query_timeout: Prisma's ``socket_timeout``, seconds.
        pooler: ``transaction`` when the URL or its host shows one.
        notices: parameters that were ignored or weakened, for the log and `annex doctor`.
    """

    hosts: tuple[tuple[str, int], ...]
    user: str
    password: Secret | None
    database: str
    tls: Tls = Tls()
    schema: str | None = None
    settings: dict[str, str] = {}
    pool_max: int | None = None
    acquire_timeout: float | None = None
    connect_timeout: float | None = None
    query_timeout: float | None = None
    pooler: Pooler | None = None
    session_attributes: SessionAttributes = "any"
    notices: tuple[str, ...] = ()

    def attributes(self) -> dict[str, str | int]:
        """Return the database as OpenTelemetry's conventions name it; of several hosts none is named."""
        named: dict[str, str | int] = {"db.namespace": self.database}
        if len(self.hosts) != 1:
            return named
        ((host, port),) = self.hosts
        if host.startswith("/"):
            return {**named, "server.address": f"{host}/.s.PGSQL.{port}"}
        return {**named, "server.address": host, "server.port": port}

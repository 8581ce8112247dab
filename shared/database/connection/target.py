"""Where the database is and how it is to be used: what a URL comes down to, whatever dialect it was in."""

from typing import Literal

from msgspec import Struct

from shared.secret import Secret

Pooler = Literal["none", "transaction"]
Mode = Literal["disable", "prefer", "require", "verify-ca", "verify-full"]
SessionAttributes = Literal["any", "primary", "standby", "read-write", "read-only", "prefer-standby"]


class InvalidDatabaseUrl(ValueError):
    """The URL cannot be used; the message says what is wrong and the cure, and shows none of it."""


class Tls(Struct, frozen=True, kw_only=True):
    """How the connection is encrypted.

    Attributes:
        mode: libpq's words; ``require`` encrypts without looking at the certificate.
        root: file of accepted authorities, None for the system's.
        certificate: our own, with `key`.
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
    """Where the database is and how it is to be used.

    Attributes:
        hosts: tried in order; a path is the folder of a socket.
        schema: Prisma's ``schema``; None leaves the role's own search path.
        settings: real server settings.
        pool_max: Prisma's ``connection_limit``.
        acquire_timeout: Prisma's ``pool_timeout``, seconds.
        connect_timeout: seconds.
        query_timeout: Prisma's ``socket_timeout``, seconds.
        pooler: ``transaction`` when the URL says or shows so.
        notices: what was left out or weakened, for the log and `annex doctor`.
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

"""The settings of the database."""

from typing import Annotated, Literal

from msgspec import Struct

from runtime.settings.variable import from_env
from shared.secret import Secret


class DatabaseSettings(Struct, frozen=True, kw_only=True):
    """Where the app's PostgreSQL is and how much of it may be used."""

    url: Annotated[
        Secret | None,
        from_env("DATABASE_URL", doc="The app's own URL, in Prisma's, Drizzle's or libpq's dialect."),
    ] = None
    pool_max: Annotated[
        int | None,
        from_env(
            "DATABASE_POOL_MAX",
            doc="Connections of the service, divided among its workers, at least one for each; 5 unless the URL says `connection_limit`.",
        ),
    ] = None
    pooler: Annotated[
        Literal["none", "transaction"] | None,
        from_env("DATABASE_POOLER", doc="`transaction` behind PgBouncer or another transaction pooler."),
    ] = None
    acquire_timeout: Annotated[
        float | None,
        from_env(
            "DATABASE_ACQUIRE_TIMEOUT",
            doc="Seconds to wait for a free connection; 5 unless the URL says `pool_timeout`.",
        ),
    ] = None
    connect_timeout: Annotated[
        float | None,
        from_env(
            "DATABASE_CONNECT_TIMEOUT",
            doc="Seconds for one new connection; 5 unless the URL says `connect_timeout`.",
        ),
    ] = None
    query_timeout: Annotated[
        float | None,
        from_env(
            "DATABASE_QUERY_TIMEOUT",
            doc="Seconds for one statement; 20 unless the URL says `socket_timeout`.",
        ),
    ] = None

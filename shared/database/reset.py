"""A session put back to what it was when it was made, in one round trip.

`DISCARD ALL` would take the driver's own prepared statements too. They stay, but the server reads them anew:
a literal such as ``'2026-01-01 09:00'::timestamptz`` was read by the settings of whoever prepared it.
"""

import random

import asyncpg

# Qualified where a name could be looked up: the search path is somebody else's until it is reset.
_RESET = (
    "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; CLOSE ALL; UNLISTEN *; "
    "DISCARD TEMP; DISCARD SEQUENCES; DISCARD PLANS; SELECT pg_catalog.pg_advisory_unlock_all(); "
    "SELECT pg_catalog.setseed({seed}); SELECT FROM pg_catalog.pg_prepared_statements WHERE from_sql"
)


class NotReset(Exception):
    """Something of the session's last user is left in it."""


async def reset(connection: asyncpg.Connection) -> None:
    """Leave nothing of what the last user changed; must be called outside of a transaction.

    Raises:
        NotReset: a statement that was prepared by SQL is left; the connection must be closed.
    """
    seed = random.uniform(-1, 1)  # noqa: S311  it only must not be the last user's
    if await connection.execute(_RESET.format(seed=seed)) != "SELECT 0":
        raise NotReset

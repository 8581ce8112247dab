"""The server's session of one connection: what the last user left open is ended, what they changed is reset.

`DISCARD ALL` would drop the driver's own prepared statements too. They stay, but the server plans them again:
a literal such as ``'2026-01-01 09:00'::timestamptz`` was read with the settings of whoever prepared it.
"""

import random

import asyncpg

# Qualified where a name is looked up: until it is reset, the search path is the last user's.
_RESET = (
    "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; CLOSE ALL; UNLISTEN *; "
    "DISCARD TEMP; DISCARD SEQUENCES; DISCARD PLANS; SELECT pg_catalog.pg_advisory_unlock_all(); "
    "SELECT pg_catalog.setseed({seed}); SELECT FROM pg_catalog.pg_prepared_statements WHERE from_sql"
)


class NotReset(Exception):
    """The session still holds something of its last user."""


def is_in_transaction(connection: asyncpg.Connection) -> bool:
    """Whether there is something to roll back; a closed connection has nothing."""
    return not connection.is_closed() and connection.is_in_transaction()


async def end(connection: asyncpg.Connection) -> None:
    """End the running statement and the open transaction.

    The first statement waits until the server has stopped a cancelled one; only then is it known whether a
    BEGIN was executed.
    """
    await connection.execute("ROLLBACK" if is_in_transaction(connection) else "SELECT 1")
    if connection.is_in_transaction():
        await connection.execute("ROLLBACK")


async def reset(connection: asyncpg.Connection) -> None:
    """Undo everything that the last user changed, in one round trip; call it outside a transaction.

    Raises:
        NotReset: a statement that was prepared with SQL remains; close the connection.
    """
    seed = random.uniform(-1, 1)  # noqa: S311  it only must differ from the last user's
    if await connection.execute(_RESET.format(seed=seed)) != "SELECT 0":
        raise NotReset

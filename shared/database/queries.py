"""The methods that a database and a transaction share."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from typing import Any

import asyncpg
from msgspec import Struct

from shared.database.errors import QueryFailed
from shared.database.statements.statement import Statement
from shared.database.values.arguments import written_rows
from shared.database.values.copying import Copy
from shared.database.values.rows import decode, decode_one

type Verb[T] = Callable[..., Awaitable[T]]
"""An unbound method of asyncpg's connection: takes the connection, the SQL and the parameters."""

Connection = asyncpg.Connection


def check(statement: Statement, *, behind_pooler: bool) -> None:
    """Check that a text is one statement that leaves its transaction, and the session of a pooler, alone.

    Raises:
        QueryFailed: it is not; names what is refused and what to use instead.
    """
    if not statement.names:
        raise QueryFailed("The text has no statement")
    if statement.control:
        raise QueryFailed(f"{statement.control} is not allowed; use `async with db.transaction()`")
    if statement.is_several:
        raise QueryFailed("Several statements in one text are not allowed; send each by itself")
    if behind_pooler and statement.lasting:
        raise QueryFailed(
            f"{statement.lasting.name} is not allowed behind a transaction pooler, whose next caller would"
            f" find it; {statement.lasting.cure}"
        )


def single[T](verb: Verb[T]) -> Verb[T]:
    """Return the method with which the server accepts only one statement at a time.

    For texts that the server may read differently than `describe` did.

    Without parameters asyncpg's `execute` sends any number of them, of which one could end the transaction.
    """
    return _execute_one if verb is Connection.execute else verb  # type: ignore[return-value]  # both a status


async def _execute_one(connection: asyncpg.Connection, sql: str, *args: object) -> str:
    return f"SELECT {len(await connection.fetch(sql, *args))}"


class Queries(ABC):
    """SQL with numbered placeholders (``$1``); values never become part of the SQL.

    Every method raises `DatabaseUnavailable` when the database does not respond, `DeadlineExceeded` when it
    takes too long, `Conflict` and `Invalid` when it rejects the values, `QueryFailed` when the SQL is wrong.
    """

    @abstractmethod
    async def _run[T](self, verb: Verb[T], sql: str, *args: object) -> T:
        """Run one round trip on a connection."""

    @abstractmethod
    def iterate[T: Struct](
        self, kind: type[T], sql: str, *args: object, batch: int = 500
    ) -> AsyncGenerator[T]:
        """Yield rows from a server-side cursor, `batch` of them in memory at a time."""

    async def fetch[T: Struct](self, kind: type[T], sql: str, *args: object) -> list[T]:
        """Return all rows as structs.

        Raises:
            RowMismatch: a row does not match `kind`; names the column and the field.
        """
        return decode(kind, await self._run(Connection.fetch, sql, *args))

    async def fetch_one[T: Struct](self, kind: type[T], sql: str, *args: object) -> T | None:
        """Return the first row as a struct, None without one."""
        record = await self._run(Connection.fetchrow, sql, *args)
        return None if record is None else decode_one(kind, record)

    async def fetch_value(self, sql: str, *args: object) -> Any:
        """Return the first column of the first row, None without one."""
        return await self._run(Connection.fetchval, sql, *args)

    async def execute(self, sql: str, *args: object) -> int:
        """Run a statement and return the number of affected rows, 0 for statements without one."""
        status = await self._run(Connection.execute, sql, *args)
        count = status.rpartition(" ")[2]
        return int(count) if count.isdecimal() else 0

    async def copy(self, table: str, rows: Iterable[Struct]) -> int:
        """Insert structs of one type by COPY, all of them or none, and return how many.

        Args:
            table: as it is written in the schema, without quotes; ``schema.table`` for another schema.
            rows: their encoded names are the columns; columns that the struct has not get their default.
        """
        verb = Copy(table, rows)
        return await self._run(verb, verb.sql)

    async def execute_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Run a statement for each row of parameters: all of them or none."""
        # Once, so that a generator is not empty when the statement is tried again.
        await self._run(Connection.executemany, sql, written_rows(tuple(rows)))

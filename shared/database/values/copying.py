"""Many rows at once: COPY from structs, whose encoded names are the columns."""

from collections.abc import Iterable
from typing import Any

import asyncpg
from msgspec import Struct, structs

from shared.database.errors import OutOfRange, QueryFailed
from shared.database.values.arguments import written


class Copy[T: Struct]:
    """A verb that copies structs of one type into a table; made anew for each statement.

    Attributes:
        sql: describes it, for its span.
    """

    def __init__(self, table: str, rows: Iterable[T]) -> None:
        schema, _, self._table = table.rpartition(".")
        self._schema = schema or None
        rows = list(rows)
        kinds = set(map(type, rows))
        if len(kinds) > 1:
            raise QueryFailed("The rows of one copy must be structs of one type")
        fields = structs.fields(kinds.pop()) if kinds else ()
        self._columns = [field.encode_name for field in fields]
        self._records = [written(tuple(getattr(row, field.name) for field in fields)) for row in rows]
        # Only described, never sent; the driver writes the statement itself.
        self.sql = 'COPY INTO "' + self._table.replace('"', '""') + '"'

    async def __call__(self, connection: asyncpg.Connection, _sql: str) -> int:
        """Copy the rows and return how many."""
        if not self._records:
            return 0
        options: dict[str, Any] = {"columns": self._columns, "schema_name": self._schema}
        try:
            await connection.copy_records_to_table(self._table, records=self._records, **options)
        except Exception as error:
            if not _is_of_encoder(error, connection):
                raise
            # It ended the COPY; the driver may have known an older type of a column.
            await connection.reload_schema_state()
            if connection.is_in_transaction():
                raise self._misfit(error) from None
            await self._once_more(connection, options)
        return len(self._records)

    async def _once_more(self, connection: asyncpg.Connection, options: dict[str, Any]) -> None:
        try:
            await connection.copy_records_to_table(self._table, records=self._records, **options)
        except Exception as error:
            if not _is_of_encoder(error, connection):
                raise
            raise self._misfit(error) from None

    def _misfit(self, error: Exception) -> Exception:
        if isinstance(error, OverflowError | UnicodeError):
            return OutOfRange()
        return QueryFailed(
            f"A value does not fit its column of {self._table!r}; the columns are {', '.join(self._columns)}"
        )


def _is_of_encoder(error: Exception, connection: asyncpg.Connection) -> bool:
    """Whether the driver could not write a value, as opposed to what server and network raise."""
    if connection.is_closed() or isinstance(error, OSError | asyncpg.InternalClientError):
        return False
    return not getattr(error, "severity", None)

"""Arguments of a statement in the driver's terms, and by their names where the driver refuses one.

The driver encodes by the types that it learned when it prepared the statement. What it refuses it has not
sent, so the statement is prepared anew and tried once more: a migration may have changed a column since.
"""

import re
from collections.abc import Sequence
from typing import Any

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from shared.database.errors import OutOfRange, QueryFailed, UnreadableValue
from shared.database.values.rows import Range

_PLACE = re.compile(r"query argument \$(\d+)(?: in element #(\d+))?")
_BY_VERB: dict[Any, Any] = {
    asyncpg.Connection.fetchrow: PreparedStatement.fetchrow,
    asyncpg.Connection.fetchval: PreparedStatement.fetchval,
    asyncpg.Connection.executemany: PreparedStatement.executemany,
    asyncpg.Connection.cursor: PreparedStatement.cursor,
}
# Types with values that Python has none for: years before 1 and after 9999, 24:00, months, lone surrogates.
_TEMPORAL = re.compile(r"date|time|interval|ts(?:tz)?(?:multi)?range")
_JSON = re.compile(r"jsonb?\b")


def written(args: tuple[object, ...]) -> tuple[object, ...]:
    """Return `args` with every `Range` as the driver writes it; lists are multiranges and arrays."""
    kinds = set(map(type, args))
    return tuple(map(_written, args)) if Range in kinds or list in kinds else args


def written_rows(rows: Sequence[Sequence[object]]) -> Sequence[Sequence[object]]:
    """Return rows of arguments with every `Range` as the driver writes it."""
    return [written(tuple(row)) if isinstance(row, list | tuple) else row for row in rows]


def _written(value: object) -> object:
    if type(value) is Range:
        return asyncpg.Range(
            value.lower,
            value.upper,
            lower_inc=value.lower_inc,
            upper_inc=value.upper_inc,
            empty=value.isempty,
        )
    return [_written(item) for item in value] if type(value) is list else value


def anew(verb: Any) -> Any:
    """Return `verb` with which the statement is prepared anew.

    Raises (when awaited):
        OutOfRange: a value is outside the range of its type.
        QueryFailed: a value is of another type; names the parameter, its type and what came.
    """

    async def send(connection: asyncpg.Connection, sql: str, *args: Any) -> Any:
        prepared = await connection.prepare(sql, name="")
        try:
            answer = await _BY_VERB.get(verb, PreparedStatement.fetch)(prepared, *args)
        except (asyncpg.DataError, asyncpg.InterfaceError) as error:
            raise _named(error, prepared, args) from None
        await connection.reload_schema_state()  # what its other statements know is as old
        return prepared.get_statusmsg() if verb is asyncpg.Connection.execute else answer

    return send


def _named(error: Exception, prepared: PreparedStatement, args: tuple[Any, ...]) -> Exception:
    place = None if getattr(error, "severity", None) else _PLACE.search(str(error))
    if place is None:
        return error  # the server's, or about the number of arguments
    number, row = int(place[1]), place[2]
    value = (args[0][int(row)] if row else args)[number - 1]
    cause = error.__cause__
    if isinstance(cause, OverflowError | UnicodeError) or (type(cause) is ValueError and type(value) is str):
        return OutOfRange()
    wanted = prepared.get_parameters()[number - 1].name
    return QueryFailed(f"${number} is {wanted} in this statement, got {type(value).__name__}")


def unreadable(error: BaseException) -> Any:
    """Return a verb that executes nothing and raises which columns `error`, of a decoder, can come from."""

    async def ask(connection: asyncpg.Connection, sql: str, *_: object) -> Any:
        columns = {found.name: found.type.name for found in await _attributes(connection, sql)}
        risky = _JSON if "DecodeError" in type(error).__name__ else _TEMPORAL
        suspects = {name: kind for name, kind in columns.items() if risky.match(kind)} or columns
        raise UnreadableValue(suspects) from None

    return ask


async def _attributes(connection: asyncpg.Connection, sql: str) -> tuple[asyncpg.Attribute, ...]:
    prepared = await connection.prepare(sql, name="")
    return prepared.get_attributes()

"""Rows into structs: one C call for a whole result; errors name the column and the field.

A struct's encoded field names are the column names, so ``rename="camel"`` reads Prisma's columns as they are.
"""

import re
from functools import lru_cache
from typing import Any

import msgspec
from asyncpg import Record
from msgspec import Struct, convert

from shared.database.errors import QueryFailed


class Range[T](Struct, frozen=True, kw_only=True):
    """A PostgreSQL range: ``field: Range[int]``; a bound of None is unbounded.

    Attributes:
        isempty: the range contains nothing; its bounds have no meaning.
    """

    lower: T | None = None
    upper: T | None = None
    lower_inc: bool = True
    upper_inc: bool = False
    isempty: bool = False


class RowMismatch(QueryFailed):
    """A row does not match its struct.

    Attributes:
        column: the column's name, as the statement returned it.
        field: ``Signal.value``, or the struct's name when it has no such field.
    """

    def __init__(self, column: str, field: str, problem: str) -> None:
        super().__init__(f"Column {column!r} does not match {field}: {problem}")
        self.column = column
        self.field = field


def decode[T: Struct](kind: type[T], records: list[Record]) -> list[T]:
    """Turn records into structs of type `kind`.

    Raises:
        RowMismatch: a column has no field, a field has no column, or a value is of another type.
    """
    if not records:
        return []
    columns = tuple(records[0].keys())
    several = _checked(kind, columns)
    try:
        # Faster than dict(record), which looks up each key.
        rows: list[T] = convert(
            [dict(zip(columns, record)) for record in records],  # noqa: B905  # a record has as many values as columns
            several,
            from_attributes=True,
        )
    except msgspec.ValidationError as error:
        raise _mismatch(kind, records, str(error)) from None
    return rows


def decode_one[T: Struct](kind: type[T], record: Record) -> T:
    """Turn one record into a struct, as `decode` does."""
    columns = tuple(record.keys())
    _checked(kind, columns)
    try:
        return convert(dict(zip(columns, record)), kind, from_attributes=True)  # noqa: B905  # as above
    except msgspec.ValidationError:
        return decode(kind, [record])[0]  # which names what is wrong


@lru_cache(maxsize=1024)
def _checked(kind: type[Struct], columns: tuple[str, ...]) -> Any:
    """Return ``list[kind]`` for msgspec after checking that columns and fields match."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for column in columns:
        if column not in fields:
            raise RowMismatch(column, kind.__name__, f"{kind.__name__} has no such field")
        if columns.count(column) > 1:
            raise RowMismatch(
                column, f"{kind.__name__}.{fields[column].name}", "the statement returns the column twice"
            )
    for column, field in fields.items():
        if field.required and column not in columns:
            raise RowMismatch(
                column, f"{kind.__name__}.{field.name}", "the statement does not return the column"
            )
    return list[kind]  # type: ignore[valid-type]  # a type made of a value


def _mismatch(kind: type[Struct], records: list[Record], message: str) -> RowMismatch:
    """Describe the mismatch in names and types; msgspec's message could quote the value."""
    path = re.search(r"at `\$\[(\d+)\]\.?([^.\[`]*)", message)
    index, column = (int(path[1]), path[2]) if path else (0, "")
    field = next((f for f in msgspec.structs.fields(kind) if f.encode_name == column), None)
    if field is None:
        return RowMismatch(column or "?", kind.__name__, "a value has another type")
    wanted, found = _spell(field.type), type(records[index][column]).__name__
    return RowMismatch(column, f"{kind.__name__}.{field.name}", f"expected {wanted}, got {found}")


def _spell(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)

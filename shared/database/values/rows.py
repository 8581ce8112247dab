"""Rows into structs: one C call for a whole result; errors name the column and the field.

A struct's encoded field names are the column names, so ``rename="camel"`` reads Prisma's columns as they are.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import asyncpg
import msgspec
from asyncpg import Record
from msgspec import Struct, convert, inspect

from shared.database.errors import RowMismatch


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


def decode[T: Struct](kind: type[T], records: list[Record]) -> list[T]:
    """Turn records into structs of type `kind`.

    Raises:
        RowMismatch: a column has no field, a field has no column, or a value is of another type.
    """
    if not records:
        return []
    columns = tuple(records[0].keys())
    several, instants = _checked(kind, columns)
    # Faster than dict(record), which looks up each key.
    values = [dict(zip(columns, record)) for record in records]  # noqa: B905  # as many values as columns
    if instants:
        for row in values:
            _set_utc(row, instants)
    try:
        rows: list[T] = convert(values, several, from_attributes=True)
    except msgspec.ValidationError as error:
        raise _mismatch(kind, records, str(error)) from None
    return rows


def decode_one[T: Struct](kind: type[T], record: Record) -> T:
    """Turn one record into a struct, as `decode` does."""
    columns = tuple(record.keys())
    _, instants = _checked(kind, columns)
    values = dict(zip(columns, record))  # noqa: B905  # as above
    _set_utc(values, instants)
    try:
        return convert(values, kind, from_attributes=True)
    except msgspec.ValidationError:
        return decode(kind, [record])[0]  # which names what is wrong


@lru_cache(maxsize=1024)
def _checked(kind: type[Struct], columns: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
    """Check that columns and fields match; return ``list[kind]`` and the columns of `Instant` fields."""
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
    instants = tuple(column for column in columns if _is_instant(inspect.type_info(fields[column].type)))
    return list[kind], instants  # type: ignore[valid-type]  # a type made of a value


def _is_instant(info: inspect.Type) -> bool:
    """Whether only datetimes with a time zone fit, by themselves, in a list or as bounds of a range."""
    match info:
        case inspect.Metadata():
            return _is_instant(info.type)
        case inspect.UnionType():
            return any(map(_is_instant, info.types))
        case inspect.ListType():
            return _is_instant(info.item_type)
        case inspect.StructType() if info.cls is Range:
            return _is_instant(info.fields[0].type)
    return isinstance(info, inspect.DateTimeType) and bool(info.tz)


def _set_utc(row: dict[str, Any], instants: tuple[str, ...]) -> None:
    """Read a ``timestamp`` as UTC, which is how Prisma and Drizzle write it."""
    for column in instants:
        row[column] = _in_utc(row[column])


def _in_utc(value: Any) -> Any:
    if type(value) is datetime:
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if type(value) is list:
        return [_in_utc(item) for item in value]
    if type(value) is asyncpg.Range and not value.isempty:
        bounds = {"lower_inc": value.lower_inc, "upper_inc": value.upper_inc}
        return Range(lower=_in_utc(value.lower), upper=_in_utc(value.upper), **bounds)
    return value


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

"""Compares the tables that our SQL relies on with the database, before a request fails over a migration.

The domain declares its tables; of the database only the catalogue is read.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from shared.database.queries import Queries

Privilege = Literal["SELECT", "INSERT", "UPDATE", "DELETE"]


class Table(Struct, frozen=True, kw_only=True):
    """A table that our SQL uses.

    Attributes:
        name: without schema and quotes; found on the search path.
        columns: name to type, as `format_type` writes it without a length: ``numeric``, ``timestamp with time
            zone``, ``"Regime"``; followed by a question mark where NULL is allowed.
        privileges: what our statements need.
    """

    name: str
    columns: Mapping[str, str]
    privileges: tuple[Privilege, ...] = ("SELECT",)


class Labels(Struct, frozen=True, kw_only=True):
    """An enum whose labels our structs list; a new label could not be decoded."""

    name: str
    labels: frozenset[str]


class Drift(Struct, frozen=True):
    """One difference between the database and what our SQL expects.

    Attributes:
        place: ``Signal``, ``Signal.value`` or the enum's name.
        problem: what was found, what was expected, the cure.
    """

    place: str
    problem: str

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}"


class _Column(Struct):
    table: str
    column: str
    type: str
    nullable: bool
    filled: bool


class _Grant(Struct):
    table: str
    privilege: str


class _Label(Struct):
    enum: str
    label: str


_COLUMNS = """
SELECT c."relname" AS "table", a."attname" AS "column",
       regexp_replace(format_type(a."atttypid", a."atttypmod"), '\\([^)]*\\)', '') AS "type",
       NOT a."attnotnull" AS "nullable",
       a."atthasdef" OR a."attidentity" <> '' OR NOT a."attnotnull" AS "filled"
FROM pg_attribute a JOIN pg_class c ON c."oid" = a."attrelid"
WHERE pg_table_is_visible(c."oid") AND c."relname" = ANY($1) AND a."attnum" > 0 AND NOT a."attisdropped"
"""
_GRANTS = """
SELECT c."relname" AS "table", p."privilege"
FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p("privilege")
WHERE pg_table_is_visible(c."oid") AND c."relname" = ANY($1)
  AND has_table_privilege(c."oid", p."privilege")
"""
_LABELS = """
SELECT t."typname" AS "enum", e."enumlabel" AS "label"
FROM pg_enum e JOIN pg_type t ON t."oid" = e."enumtypid"
WHERE pg_type_is_visible(t."oid") AND t."typname" = ANY($1)
"""


async def drifts(db: Queries, tables: Iterable[Table], enums: Iterable[Labels] = ()) -> list[Drift]:
    """Return every difference, in the order of the declarations.

    Raises:
        DatabaseUnavailable: the database does not respond.
    """
    tables, enums = list(tables), list(enums)
    names = [table.name for table in tables]
    columns = await db.fetch(_Column, _COLUMNS, names)
    grants = {(row.table, row.privilege) for row in await db.fetch(_Grant, _GRANTS, names)}
    labels = await db.fetch(_Label, _LABELS, [enum.name for enum in enums])
    found: list[Drift] = []
    for table in tables:
        live = {row.column: row for row in columns if row.table == table.name}
        found += _of_table(table, live, grants)
    for enum in enums:
        found += _of_labels(enum, {row.label for row in labels if row.enum == enum.name})
    return found


def _of_table(table: Table, live: Mapping[str, _Column], grants: set[tuple[str, str]]) -> Iterable[Drift]:
    if not live:
        yield Drift(table.name, "table not found on the search path")
        return
    for name, declared in table.columns.items():
        problem = _of_column(declared, live.get(name))
        if problem:
            yield Drift(f"{table.name}.{name}", problem)
    for name in sorted(set(live) - set(table.columns)):
        if "INSERT" in table.privileges and not live[name].filled:
            yield Drift(
                f"{table.name}.{name}",
                "new required column that the service's INSERT does not set; set it, or give it a default",
            )
    for privilege in table.privileges:
        if (table.name, privilege) not in grants:
            yield Drift(table.name, f"the role lacks the {privilege} privilege; grant it")


def _of_column(declared: str, live: _Column | None) -> str:
    wanted = declared.removesuffix("?")
    if live is None:
        return f"column not found; expected {wanted}"
    if live.type != wanted:
        return f"type is {live.type}; expected {wanted}"
    if live.nullable and wanted == declared:
        return "is nullable, but the struct does not allow None"
    return ""


def _of_labels(enum: Labels, live: set[str]) -> Iterable[Drift]:
    if not live:
        yield Drift(enum.name, "enum not found on the search path")
        return
    if more := sorted(live - enum.labels):
        yield Drift(enum.name, f"unknown labels: {', '.join(more)}; add them to the enum in Python")
    if gone := sorted(enum.labels - live):
        yield Drift(enum.name, f"missing labels: {', '.join(gone)}")

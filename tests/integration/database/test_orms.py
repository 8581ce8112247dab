"""Tables that the real Prisma client and the real Drizzle have written, read and written from here."""

import datetime
import decimal
import json
import re
import uuid
from pathlib import Path
from typing import Any, Literal

import asyncpg
import msgspec
import pytest
from msgspec import Struct, defstruct

from runtime.bridge.typescript.types import type_of
from shared.database import Database
from shared.instant import Instant
from shared.secret import Secret
from tests.fixtures.node import ROOT, install, run
from tests.fixtures.postgres import Postgres

pytestmark = pytest.mark.timeout(600)

ORMS = ROOT / "tests" / "fixtures" / "orms"
ROWS = [
    row
    for row in json.loads((ROOT / "contracts" / "column-types.json").read_text("utf-8"))
    if row["field"]  # the others need a library that the test's server has not
]
TABLES = {"Prisma": ("prisma.mjs", '"PrismaTypes"'), "Drizzle": ("drizzle.mjs", "drizzle_types")}
NAMES = {
    **{name: getattr(datetime, name) for name in ("date", "time", "timedelta")},
    "Any": Any,
    "Decimal": decimal.Decimal,
    "Instant": Instant,
    "Literal": Literal,
    "UUID": uuid.UUID,
}


BUILDERS = """
import * as pg from "drizzle-orm/pg-core";
console.log(Object.keys(pg).filter((name) => pg[name].prototype instanceof pg.PgColumnBuilder).join(" "));
"""
NO_COLUMNS = {"Array", "Binary", "Custom", "DateColumnBase", "IntColumnBase"}
VARIANT = r"Pg(\w+?)(?:53|64|String|Number|BigInt|Tuple|Object|ABC|Vector)?(?:Column)?Builder"


def struct_of(orm: str) -> type[Struct]:
    fields = [(row["field"], eval(row["struct"], NAMES)) for row in ROWS if row["orm"] == orm]  # noqa: S307  our own
    return defstruct(f"{orm}Row", fields)


@pytest.fixture(scope="module")
def orms(node: str) -> Path:
    """The folder with both installed, and the Prisma client generated without an engine."""
    install(ORMS)
    if not (ORMS / "generated").exists():
        prisma = ORMS / "node_modules" / ".bin" / "prisma"
        # It wants an engine for migrations, which it would download and then not use.
        done = run(
            prisma, "generate", "--schema", "schema.prisma", cwd=ORMS, PRISMA_SCHEMA_ENGINE_BINARY="/bin/true"
        )
        assert done.returncode == 0, done.stderr
    return ORMS


@pytest.fixture
async def written(
    orms: Path, node: str, postgres: Postgres, owner_url: str, request: pytest.FixtureRequest
) -> dict[str, Any]:
    """Row 1 of the table of one of the two, as that reads it back."""
    if request.param == "Prisma":
        owner = await asyncpg.connect(owner_url)
        await owner.execute((ORMS / "migration.sql").read_text("utf-8"))
        await owner.close()
    return as_read(node, request.param, owner_url, "write")


def as_read(node: str, orm: str, url: str, *command: str) -> dict[str, Any]:
    done = run(node, TABLES[orm][0], *command, cwd=ORMS, DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    row: dict[str, Any] = json.loads(done.stdout)
    return row


@pytest.mark.parametrize(
    ("orm", "written"), [("Prisma", "Prisma"), ("Drizzle", "Drizzle")], indirect=["written"]
)
async def test_every_column_type_is_read_and_written_as_the_table_of_types_says(
    orm: str, written: dict[str, Any], node: str, owner_url: str
):
    kind, table = struct_of(orm), TABLES[orm][1]
    rows = {row["field"]: row for row in ROWS if row["orm"] == orm}
    columns = ", ".join(f'"{name}"' for name in rows)
    async with Database.from_url(Secret(owner_url)) as database:
        row = await database.fetch_one(kind, f"SELECT {columns} FROM {table} WHERE id = 1")
        assert row is not None
        told = {name: msgspec.json.encode(getattr(row, name)).decode() for name in rows}
        assert told == {name: row["json"] for name, row in rows.items()}

        values = [getattr(row, name) for name in rows]
        places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        await database.execute(f"INSERT INTO {table} (id, {columns}) VALUES (2, {places})", *values)

    assert {**as_read(node, orm, owner_url, "read", "2"), "id": 1} == written


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['orm']}.{row['field']}")
def test_the_typescript_of_a_column_is_what_the_client_gets(row: dict[str, str]):
    schema = msgspec.json.schema(eval(row["struct"], NAMES))  # noqa: S307  our own

    assert type_of(schema) == row["typescript"]


def test_every_type_of_prismas_schema_is_in_the_table_of_types():
    schema = (ORMS / "schema.prisma").read_text("utf-8")
    listed = " ".join(row["declaration"] for row in ROWS)

    for kind in set(re.findall(r"@db\.(\w+)", schema)):
        assert re.search(rf"@db\.{kind}\b", listed), kind


def test_every_column_type_of_drizzle_is_in_the_table_of_types(orms: Path, node: str):
    done = run(node, "--input-type=module", "--eval", BUILDERS, cwd=orms)
    listed = (ROOT / "contracts" / "column-types.json").read_text("utf-8").lower()

    for builder in done.stdout.split():
        kind = re.fullmatch(VARIANT, builder)
        assert kind is not None, builder
        assert kind[1].lower() in listed or kind[1] in NO_COLUMNS, builder

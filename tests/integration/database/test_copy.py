"""Many rows from structs at once, all of them or none."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from msgspec import UNSET, Struct

from shared.database import ConstraintViolated, Database, QueryFailed, Range
from shared.errors import Invalid
from shared.instant import Instant
from shared.secret import Secret

TABLE = """
CREATE TYPE feeling AS ENUM ('SAD', 'happy');
CREATE TABLE "Copied" (
    id uuid PRIMARY KEY, "createdAt" timestamp(3), at timestamptz, amount numeric, feeling feeling,
    tags text[], meta jsonb, raw json, address inet, bits bit(3), span int4range, number int,
    note text DEFAULT 'none'
);
GRANT ALL ON "Copied" TO annex;
CREATE SCHEMA reports; CREATE TABLE reports.days (number int); GRANT USAGE ON SCHEMA reports TO annex;
GRANT ALL ON reports.days TO annex;
"""


class Feeling(StrEnum):
    SAD = "SAD"
    HAPPY = "happy"


class Copied(Struct, rename="camel"):
    id: UUID
    created_at: Instant
    at: Instant
    amount: Decimal
    feeling: Feeling
    tags: list[str]
    meta: dict[str, Any]
    raw: list[float] | None
    address: str
    bits: str
    span: Range[int]
    number: Any = 1


class Day(Struct):
    number: int


MOMENT = datetime(2026, 7, 1, 12, 30, 15, 123000, tzinfo=UTC)


def row(number: Any = 1) -> Copied:
    return Copied(
        uuid4(), MOMENT, MOMENT, Decimal("1.5"), Feeling.HAPPY, ["a"], {"a": [1, "é"]}, None,
        "fe80::1/64", "101", Range(lower=1, upper=3), number,
    )  # fmt: skip


@pytest.fixture
async def owner(owner_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(owner_url)
    await connection.execute(TABLE)
    yield connection
    await connection.close()


@pytest.fixture(params=["direct", "behind a pooler"])
async def served(
    request: pytest.FixtureRequest, owner: object, database_url: str, pgbouncer: Callable[..., str]
) -> AsyncIterator[Database]:
    url = database_url if request.param == "direct" else pgbouncer()
    async with Database.from_url(Secret(url), pool_max=1) as database:
        yield database


async def test_structs_are_copied_with_every_kind_of_value(served: Database):
    rows = [row() for _ in range(1000)]

    assert await served.copy("Copied", (one for one in rows)) == 1000

    columns = ", ".join(f'"{name}"' for name in Copied.__struct_encode_fields__)
    stored = await served.fetch(Copied, f'SELECT {columns} FROM "Copied"')
    assert sorted(stored, key=lambda one: one.id) == sorted(rows, key=lambda one: one.id)
    assert await served.fetch_value("""SELECT count(*) FROM "Copied" WHERE note = 'none'""") == 1000


async def test_a_copy_is_all_or_nothing_and_part_of_its_transaction(served: Database):
    same = row()
    with pytest.raises(ConstraintViolated):
        await served.copy("Copied", [row(), same, same])
    with suppress(ZeroDivisionError):
        async with served.transaction() as transaction:
            assert await transaction.copy("Copied", [row()]) == 1
            raise ZeroDivisionError

    assert await served.fetch_value('SELECT count(*) FROM "Copied"') == 0
    assert await served.copy("reports.days", [Day(1)]) == 1
    assert await served.copy("reports.days", []) == 0


async def test_a_number_out_of_range_is_the_callers_mistake(served: Database):
    with pytest.raises(Invalid):
        await served.copy("Copied", [row(2**31)])


@pytest.mark.parametrize("value", ["many", [1], UNSET])
async def test_a_value_that_does_not_fit_names_the_table(served: Database, value: Any):
    with pytest.raises(QueryFailed, match="does not fit its column of 'Copied'"):
        await served.copy("Copied", [row(), row(value)])
    with pytest.raises(QueryFailed, match="does not fit its column of 'Copied'"):
        async with served.transaction() as transaction:
            await transaction.copy("Copied", [row(value)])

    assert await served.fetch_value('SELECT count(*) FROM "Copied"') == 0


async def test_rows_of_two_types_are_refused(database: Database):
    with pytest.raises(QueryFailed, match="structs of one type"):
        await database.copy("Sample", [Day(1), row()])


async def test_a_read_only_view_copies_nothing(served: Database):
    with pytest.raises(QueryFailed, match="read_only"):
        await served.read_only().copy("Copied", [row()])


async def test_a_copy_after_a_migration_is_done_by_unchanged_code(
    served: Database, owner: asyncpg.Connection
):
    await served.copy("Copied", [row()])
    await owner.execute('ALTER TABLE "Copied" ALTER number TYPE bigint')

    assert await served.copy("Copied", [row(2**40)]) == 1

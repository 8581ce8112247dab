"""The tests' own ground: what a database a test costs, and that a changed schema would be noticed."""

import time
from statistics import median

import asyncpg
import pytest

from tests.fixtures import fingerprint
from tests.fixtures.figures import Figure
from tests.fixtures.postgres import Postgres


async def test_a_database_a_test_is_a_cheap_clone_of_the_app(postgres: Postgres, figure: Figure):
    admin, costs = await asyncpg.connect(postgres.socket_url()), []
    for number in range(10):
        began = time.perf_counter()
        await admin.execute(f"CREATE DATABASE clone_{number} TEMPLATE app STRATEGY file_copy")
        await admin.execute(f"DROP DATABASE clone_{number} WITH (FORCE)")
        costs.append((time.perf_counter() - began) * 1000)
    await admin.close()

    figure("median ms", round(median(costs), 1))


@pytest.mark.parametrize(
    "change",
    [
        'ALTER TABLE "Sample" ADD COLUMN "note" TEXT',
        'ALTER TABLE "Sample" ALTER COLUMN "createdBy" SET DEFAULT \'nobody\'',
        'ALTER TABLE "Sample" ALTER COLUMN "value" TYPE DECIMAL(19,6)',
        'DROP INDEX "Sample_observedAt_id_idx"',
        'ALTER TABLE "Sample" DROP CONSTRAINT "Sample_sensorId_fkey"',
        "ALTER TYPE \"State\" ADD VALUE 'PANIC'",
        "CREATE SCHEMA reports",
        'CREATE VIEW latest AS SELECT * FROM "Sample"',
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql RETURN 1",
        'GRANT TRUNCATE ON "Sample" TO annex',
        'CREATE TABLE copy AS TABLE "Sample"',
    ],
)
async def test_every_kind_of_change_to_the_schema_changes_its_fingerprint(owner_url: str, change: str):
    owner = await asyncpg.connect(owner_url)
    before = await fingerprint.of(owner)
    assert await fingerprint.of(owner) == before

    await owner.execute(change)

    assert await fingerprint.of(owner) != before
    await owner.close()


async def test_rows_are_no_part_of_the_fingerprint(owner_url: str):
    owner = await asyncpg.connect(owner_url)
    before = await fingerprint.of(owner)

    await owner.execute('DELETE FROM "Sample"')

    assert await fingerprint.of(owner) == before
    await owner.close()

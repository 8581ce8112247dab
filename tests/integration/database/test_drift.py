"""A migration of the app shows in the check by its column, a role that could make one in the doctor."""

from collections.abc import AsyncIterator

import pytest

from shared.database import Database
from shared.database.drift import drifts
from shared.database.role import powers
from shared.secret import Secret
from tests.fixtures.sample_service.shared.samples.schema import ENUMS, TABLES


@pytest.fixture
async def owner(owner_url: str) -> AsyncIterator[Database]:
    async with Database.from_url(Secret(owner_url)) as opened:
        yield opened


async def test_the_schema_of_the_app_is_the_one_we_rely_on(database: Database):
    assert await drifts(database, TABLES, ENUMS) == []


CHANGE = 'ALTER TABLE "Sample"'


@pytest.mark.parametrize(
    ("migration", "place", "problem"),
    [
        (f'{CHANGE} RENAME COLUMN "value" TO "level"', "Sample.value", "column not found; expected numeric"),
        (f'{CHANGE} ALTER COLUMN "value" TYPE TEXT', "Sample.value", "type is text; expected numeric"),
        (
            f'{CHANGE} ALTER COLUMN "factors" DROP NOT NULL',
            "Sample.factors",
            "is nullable, but the struct does not allow None",
        ),
        (
            f"""{CHANGE} ADD "source" TEXT NOT NULL DEFAULT ''; {CHANGE} ALTER "source" DROP DEFAULT""",
            "Sample.source",
            "new required column that the service's INSERT does not set; set it, or give it a default",
        ),
        (f'{CHANGE} RENAME TO "Reading"', "Sample", "table not found on the search path"),
        ('REVOKE INSERT ON "Sample" FROM annex', "Sample", "the role lacks the INSERT privilege; grant it"),
        (
            'REVOKE ALL ON "Sensor" FROM annex',
            "Sensor",
            "the role lacks the SELECT privilege; grant it",
        ),
        (
            "ALTER TYPE \"State\" ADD VALUE 'PANIC'",
            "State",
            "unknown labels: PANIC; add them to the enum in Python",
        ),
        ("ALTER TYPE \"State\" RENAME VALUE 'NORMAL' TO 'FLAT'", "State", "missing labels: NORMAL"),
        ('ALTER TYPE "State" RENAME TO "Mood"', "Sample.state", 'type is "Mood"; expected "State"'),
        ('ALTER TYPE "State" RENAME TO "Mood"', "State", "enum not found on the search path"),
    ],
)
async def test_what_a_migration_took_away_is_named(
    database: Database, owner: Database, migration: str, place: str, problem: str
):
    for statement in migration.split("; "):
        await owner.execute(statement)

    assert f"{place}: {problem}" in [str(drift) for drift in await drifts(database, TABLES, ENUMS)]


@pytest.mark.parametrize(
    "migration",
    [
        'ALTER TABLE "Sample" ADD COLUMN "note" TEXT',
        'ALTER TABLE "Sample" ADD COLUMN "source" TEXT NOT NULL DEFAULT \'app\'',
        'ALTER TABLE "Sample" ALTER COLUMN "value" TYPE DECIMAL(24,8)',
        'CREATE TABLE "Alert" ("id" UUID NOT NULL)',
    ],
)
async def test_what_a_migration_only_adds_is_nobodys_business(
    database: Database, owner: Database, migration: str
):
    await owner.execute(migration)

    assert await drifts(database, TABLES, ENUMS) == []


async def test_the_recommended_role_can_change_nothing_of_the_schema(database: Database):
    assert await powers(database) == []


@pytest.mark.parametrize(
    ("grant", "power"),
    [
        ("GRANT CREATE ON SCHEMA public TO annex", "annex may create tables in public"),
        (
            "DO $$ BEGIN EXECUTE 'GRANT CREATE ON DATABASE ' || current_database() || ' TO annex'; END $$",
            "annex may create schemas in this database",
        ),
        (
            "DO $$ BEGIN EXECUTE 'GRANT TEMP ON DATABASE ' || current_database() || ' TO PUBLIC'; END $$",
            "annex may create temporary tables, which hide the app's tables of the same name",
        ),
        (
            'ALTER TABLE "Sample" OWNER TO annex',
            "annex owns tables, views or sequences (1) and may alter and drop them",
        ),
    ],
)
async def test_each_power_over_the_schema_is_told(
    database: Database, owner: Database, grant: str, power: str
):
    await owner.execute(grant)

    assert await powers(database) == [power]


async def test_a_superuser_is_told_in_one_sentence(owner: Database):
    assert await powers(owner) == ["postgres is a superuser and may change every database of the server"]

"""A migration of the app shows in the check by its column, a role that could make one in the doctor."""

from collections.abc import AsyncIterator

import pytest

from shared.database import Database
from shared.database.contract import drifts
from shared.database.role import powers
from shared.market.schema import ENUMS, TABLES
from shared.secret import Secret


@pytest.fixture
async def owner(owner_url: str) -> AsyncIterator[Database]:
    async with Database.from_url(Secret(owner_url)) as opened:
        yield opened


async def test_the_schema_of_the_app_is_the_one_we_rely_on(database: Database):
    assert await drifts(database, TABLES, ENUMS) == []


CHANGE = 'ALTER TABLE "Signal"'


@pytest.mark.parametrize(
    ("migration", "place", "problem"),
    [
        (f'{CHANGE} RENAME COLUMN "value" TO "level"', "Signal.value", "is missing; expected numeric"),
        (f'{CHANGE} ALTER COLUMN "value" TYPE TEXT', "Signal.value", "is text; expected numeric"),
        (
            f'{CHANGE} ALTER COLUMN "factors" DROP NOT NULL',
            "Signal.factors",
            "may be NULL now; its struct does not understand that",
        ),
        (
            f"""{CHANGE} ADD "source" TEXT NOT NULL DEFAULT ''; {CHANGE} ALTER "source" DROP DEFAULT""",
            "Signal.source",
            "is new and needs a value that our INSERT does not give",
        ),
        (f'{CHANGE} RENAME TO "Reading"', "Signal", "there is no such table on the search path"),
        ('REVOKE INSERT ON "Signal" FROM annex', "Signal", "the role may not INSERT here; grant it"),
        (
            'REVOKE ALL ON "Instrument" FROM annex',
            "Instrument",
            "the role may not SELECT here; grant it",
        ),
        (
            "ALTER TYPE \"Regime\" ADD VALUE 'PANIC'",
            "Regime",
            "has new labels that no struct can hold: PANIC",
        ),
        ("ALTER TYPE \"Regime\" RENAME VALUE 'NEUTRAL' TO 'FLAT'", "Regime", "has lost labels: NEUTRAL"),
        ('ALTER TYPE "Regime" RENAME TO "Mood"', "Signal.regime", 'is "Mood"; expected "Regime"'),
        ('ALTER TYPE "Regime" RENAME TO "Mood"', "Regime", "there is no such enum on the search path"),
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
        'ALTER TABLE "Signal" ADD COLUMN "note" TEXT',
        'ALTER TABLE "Signal" ADD COLUMN "source" TEXT NOT NULL DEFAULT \'app\'',
        'ALTER TABLE "Signal" ALTER COLUMN "value" TYPE DECIMAL(24,8)',
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
            "annex may create temporary tables, which hide the app's of the same name",
        ),
        (
            'ALTER TABLE "Signal" OWNER TO annex',
            "annex owns 1 tables, views or sequences, and so may alter and drop them",
        ),
    ],
)
async def test_each_power_over_the_schema_is_told(
    database: Database, owner: Database, grant: str, power: str
):
    await owner.execute(grant)

    assert await powers(database) == [power]


async def test_a_superuser_is_told_in_one_sentence(owner: Database):
    assert await powers(owner) == [
        "postgres is a superuser: it may do anything to every database of the server"
    ]

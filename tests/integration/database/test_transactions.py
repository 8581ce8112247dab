"""All or nothing, tried again where that is safe, and never left open."""

import asyncio
from contextlib import aclosing, suppress

import pytest
from msgspec import Struct

from shared.database import (
    ConstraintViolated,
    Database,
    QueryFailed,
    SchemaChanged,
    SerializationFailure,
    Transaction,
)
from shared.errors import NotFound
from shared.secret import Secret

COUNT = 'SELECT count(*) FROM "Signal"'
DELETE = """DELETE FROM "Signal" WHERE regime = 'NEUTRAL'"""
NAME = """UPDATE "Instrument" SET name = $1 WHERE symbol = $2"""
NAMES = """SELECT name FROM "Instrument" WHERE symbol = ANY($1) ORDER BY symbol"""


class Named(Struct):
    name: str


async def test_a_block_that_ends_well_is_kept(database: Database):
    async with database.transaction() as transaction:
        deleted = await transaction.execute(DELETE)

    assert deleted > 0
    assert await database.fetch_value(COUNT) == 480 - deleted


@pytest.mark.parametrize(
    "error", [NotFound("signal", "GME"), RuntimeError("a bug"), asyncio.CancelledError()]
)
async def test_whatever_leaves_the_block_undoes_all_of_it(database: Database, error: BaseException):
    async def work() -> None:
        async with database.transaction() as transaction:
            await transaction.execute(DELETE)
            raise error

    with pytest.raises(type(error)):
        await work()

    assert await database.fetch_value(COUNT) == 480


async def test_a_dropped_error_inside_does_not_pass_for_a_commit(database: Database):
    async def work() -> None:
        async with database.transaction() as transaction:
            await transaction.execute(DELETE)
            with suppress(ConstraintViolated):
                await transaction.execute("""INSERT INTO "Instrument" SELECT * FROM "Instrument" """)

    with pytest.raises(QueryFailed, match="caught and ignored"):
        await work()

    assert await database.fetch_value(COUNT) == 480


async def test_a_cursor_works_inside_a_transaction_and_sees_what_it_changed(database: Database):
    async with database.transaction() as transaction:
        await transaction.execute(NAME, "Changed", "SPY")
        rows = transaction.iterate(Named, 'SELECT name FROM "Instrument"', batch=5)
        names = [row.name async for row in rows]

    assert len(names) == 12
    assert "Changed" in names


async def test_two_serializable_transactions_that_collide_both_happen_in_the_end(database: Database):
    """Each reads what the other writes: one of them must be refused once, and is done again."""
    both_have_read, tries = asyncio.Barrier(2), 0

    async def copy(source: str, target: str) -> None:
        async def work(transaction: Transaction) -> None:
            nonlocal tries
            tries += 1
            row = await transaction.fetch_one(Named, NAMES, [source])
            assert row is not None
            if tries <= 2:
                await both_have_read.wait()
            await transaction.execute(NAME, f"{row.name}+", target)

        await database.transaction(isolation="serializable").run(work)

    await asyncio.gather(copy("SPY", "QQQ"), copy("QQQ", "SPY"))

    names = [row.name for row in await database.fetch(Named, NAMES, ["QQQ", "SPY"])]
    assert tries == 3
    assert sorted(name.count("+") for name in names) == [1, 2]


async def test_a_collision_that_never_ends_is_a_conflict_after_the_last_try(database: Database):
    tries = 0

    async def work(transaction: Transaction) -> None:
        nonlocal tries
        tries += 1
        await transaction.fetch_value(NAMES, ["SPY"])
        await database.execute(NAME, f"Try {tries}", "SPY")
        await transaction.execute(NAME, "Never", "SPY")

    with pytest.raises(SerializationFailure):
        await database.transaction(isolation="repeatable read").run(work, attempts=2)

    assert tries == 2
    assert await database.fetch_value(NAMES, ["SPY"]) == "Try 2"


async def test_a_deadlock_is_resolved_by_doing_one_of_the_two_again(database: Database, owner_url: str):
    both_hold_one, tries = asyncio.Barrier(2), 0

    async def rename(first: str, second: str) -> None:
        async def work(transaction: Transaction) -> None:
            nonlocal tries
            tries += 1
            await transaction.execute(NAME, "Renamed", first)
            if tries <= 2:
                await both_hold_one.wait()
            await transaction.execute(NAME, "Renamed", second)

        await database.transaction().run(work)

    await asyncio.gather(rename("SPY", "QQQ"), rename("QQQ", "SPY"))

    assert tries == 3


async def test_a_migration_during_a_transaction_is_survived_by_one_retry(database_url: str, owner_url: str):
    """The statement is prepared on the only connection before the column changes its type under it."""
    select, tries = 'SELECT * FROM "Instrument" LIMIT 1', 0
    async with (
        Database.from_url(Secret(database_url), pool_max=1) as database,
        Database.from_url(Secret(owner_url)) as owner,
    ):
        await database.fetch_value(select)
        await owner.execute('ALTER TABLE "Instrument" ADD COLUMN "isin" TEXT')

        async def work(transaction: Transaction) -> object:
            nonlocal tries
            tries += 1
            return await transaction.fetch_value(select)

        with pytest.raises(SchemaChanged):
            async with database.transaction() as transaction:
                await transaction.fetch_value(select)
        await database.fetch_value(select)
        await owner.execute('ALTER TABLE "Instrument" ADD COLUMN "cusip" TEXT')
        assert await database.transaction().run(work) is not None

    assert tries == 2


async def test_a_migration_between_plain_statements_is_not_even_noticed(database_url: str, owner_url: str):
    select = 'SELECT * FROM "Instrument" LIMIT 1'
    async with (
        Database.from_url(Secret(database_url), pool_max=1) as database,
        Database.from_url(Secret(owner_url)) as owner,
    ):
        for view in (database, database.read_only()):
            await view.fetch_value(select)
            await owner.execute(f'ALTER TABLE "Instrument" ADD COLUMN "c{id(view)}" TEXT')

            assert await view.fetch_value(select) is not None


async def test_an_enum_that_a_migration_extends_is_understood_at_once(database: Database, owner_url: str):
    class Kind(Struct):
        kind: str

    select = """SELECT kind FROM "Instrument" WHERE symbol = 'SPY'"""
    await database.fetch(Kind, select)
    async with Database.from_url(Secret(owner_url)) as owner:
        await owner.execute("""ALTER TYPE "InstrumentKind" ADD VALUE 'CRYPTO'""")
        await owner.execute("""UPDATE "Instrument" SET kind = 'CRYPTO' WHERE symbol = 'SPY'""")

    assert await database.fetch(Kind, select) == [Kind("CRYPTO")]


async def test_a_scope_is_entered_once_at_a_time(database: Database):
    scope = database.transaction()
    async with scope:
        with pytest.raises(QueryFailed, match="entered twice"):
            await scope.__aenter__()


async def test_two_statements_at_once_on_one_transaction_are_a_named_bug(database: Database):
    async with database.transaction() as transaction:
        results = await asyncio.gather(
            transaction.fetch_value("SELECT pg_sleep(0.05)"),
            transaction.fetch_value("SELECT 1"),
            return_exceptions=True,
        )

    assert [str(result)[:24] for result in results if isinstance(result, QueryFailed)] == [
        "Two statements ran at on"
    ]


async def test_leaving_a_cursor_early_gives_the_connection_back(database_url: str):
    async with Database.from_url(Secret(database_url), pool_max=1, acquire_timeout=2) as database:
        async with aclosing(
            database.iterate(Named, "SELECT i::text AS name FROM generate_series(1, 9) i")
        ) as rows:
            async for _ in rows:
                break

        assert await database.fetch_value("SELECT 1") == 1

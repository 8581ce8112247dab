"""Behind a real PgBouncer in transaction mode: declared, recognised at once, or known by its errors."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from msgspec import Struct

from shared.database import Database, QueryFailed, SerializationFailure, Transaction
from shared.errors import DeadlineExceeded
from shared.secret import Secret

STARTUP = "statement_timeout, idle_in_transaction_session_timeout, search_path, application_name"
TASKS = 40


class Named(Struct):
    name: str


class Both(Struct):
    number: int
    text: str


async def work_together(database: Database) -> None:
    """Many tasks, more than there are server connections, each of which must get its own answer."""

    async def ask(number: int) -> None:
        sql = (
            "SELECT $1::int AS number, $2::text AS text"
            if number % 2
            else "SELECT $2::text AS text, $1::int AS number"
        )
        assert await database.fetch_one(Both, sql, number, str(number)) == Both(number, str(number))

    await asyncio.gather(*(ask(number) for number in range(TASKS)))


@pytest.mark.parametrize("pooler", ["transaction", None], ids=["declared", "not declared"])
async def test_everything_works_behind_a_transaction_pooler(
    pgbouncer: Callable[..., str], pooler: str | None, owner_url: str
):
    url = Secret(pgbouncer() + ("&pgbouncer=true" if pooler else ""))
    async with Database.from_url(url, pool_max=8, query_timeout=5) as database:
        await work_together(database)

        latest = 'SELECT s.symbol AS name FROM "Sensor" s JOIN "Sample" a ON s.id = a."sensorId"'
        latest = f"{latest} WHERE a.state = $1"
        assert await database.fetch_one(Named, f"{latest} LIMIT 1", "HIGH") is not None
        assert len(await database.read_only().fetch(Named, f"{latest} LIMIT $2", "HIGH", 3)) == 3

        async with database.transaction(isolation="serializable") as transaction:
            assert await transaction.execute("""DELETE FROM "Sample" WHERE state = 'NORMAL'""") > 0
            rows = transaction.iterate(Named, 'SELECT name FROM "Sensor"', batch=5)
            assert len([row.name async for row in rows]) == 12
        assert await database.fetch_value("""SELECT count(*) FROM "Sample" WHERE state = 'NORMAL'""") == 0

        names = [
            row.name
            async for row in database.iterate(Named, "SELECT i::text AS name FROM generate_series(1, 1000) i")
        ]
        assert len(names) == 1000
        await database.execute_many("""UPDATE "Sensor" SET name = $1 WHERE symbol = $2""", [("One", "NORTH")])
        with pytest.raises(QueryFailed, match="read_only"):
            await database.read_only().execute('DELETE FROM "Sample"')
        assert await database.ping() > 0


async def test_settings_and_schema_hold_in_every_statement(pgbouncer: Callable[..., str], owner_url: str):
    async with Database.from_url(Secret(owner_url)) as owner:
        await owner.execute('CREATE SCHEMA "Reports"; GRANT USAGE ON SCHEMA "Reports" TO annex')
        await owner.execute('CREATE TABLE "Reports".daily AS SELECT 42 AS answer')
        await owner.execute('GRANT SELECT ON "Reports".daily TO annex')

    async with Database.from_url(Secret(pgbouncer() + "&schema=Reports"), query_timeout=0.3) as database:
        assert await database.fetch_value("SELECT answer FROM daily") == 42
        async with database.transaction() as transaction:
            assert await transaction.fetch_value("SELECT answer FROM daily") == 42
        with pytest.raises(DeadlineExceeded):
            await database.fetch_value("SELECT pg_sleep(5)")
        assert await database.fetch_value("SHOW statement_timeout") == "300ms"


async def test_a_retry_works_behind_a_pooler_too(pgbouncer: Callable[..., str]):
    async with Database.from_url(Secret(pgbouncer())) as database:

        async def work(transaction: Transaction) -> None:
            await transaction.fetch_value("""SELECT name FROM "Sensor" WHERE symbol = 'NORTH'""")
            await database.execute("""UPDATE "Sensor" SET name = 'Theirs' WHERE symbol = 'NORTH'""")
            await transaction.execute("""UPDATE "Sensor" SET name = 'Ours' WHERE symbol = 'NORTH'""")

        with pytest.raises(SerializationFailure):
            await database.transaction(isolation="repeatable read").run(work, attempts=2)


async def test_a_pooler_is_recognised_from_its_refusal_of_startup_settings(
    pgbouncer: Callable[..., str], caplog: pytest.LogCaptureFixture
):
    """`none` was declared, wrongly: the first connection is refused, the first caller still answered."""
    async with Database.from_url(Secret(pgbouncer()), pooler="none") as database:
        assert await database.fetch_value("SELECT 1") == 1
        await work_together(database)

    assert "database.pooler_detected" in caplog.messages


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the database package logged; libraries have words of their own."""
    return [record.message for record in caplog.records if record.name == "annex.database"]


@asynccontextmanager
async def elsewhere(url: Secret) -> AsyncIterator[None]:
    """Keep the server connection that was used last busy, so that the next statement gets another one."""
    async with (
        Database.from_url(url, pooler="transaction", pool_max=1) as other,
        other.transaction() as transaction,
    ):
        await transaction.fetch_value("SELECT 2")
        yield


async def test_a_pooler_is_recognised_from_a_prepared_statement_that_is_somewhere_else(
    pgbouncer: Callable[..., str], caplog: pytest.LogCaptureFixture
):
    """It swallows the startup settings, so only the errors of prepared statements give it away."""
    url = Secret(pgbouncer(ignore=STARTUP))
    async with Database.from_url(url, pooler="none", pool_max=1) as database:
        assert await database.fetch_value("SELECT 1") == 1
        async with elsewhere(url):
            assert await database.fetch_value("SELECT 1") == 1
        await work_together(database)

    assert told(caplog) == ["database.pooler_detected"]


async def test_a_transaction_too_survives_the_moment_of_recognition(
    pgbouncer: Callable[..., str], caplog: pytest.LogCaptureFixture
):
    url, tries = Secret(pgbouncer(ignore=STARTUP)), 0
    async with Database.from_url(url, pooler="none", pool_max=1) as database:

        async def work(transaction: Transaction) -> object:
            nonlocal tries
            tries += 1
            return await transaction.fetch_value("SELECT 1")

        await database.fetch_value("SELECT 1")
        async with elsewhere(url):
            assert await database.transaction().run(work) == 1

    assert (tries, told(caplog)) == (2, ["database.pooler_detected"])


async def test_those_who_wait_at_the_moment_of_recognition_get_their_answers_too(
    pgbouncer: Callable[..., str],
):
    url = Secret(pgbouncer(ignore=STARTUP))
    async with Database.from_url(url, pooler="none", pool_max=2) as database:
        await database.fetch_value("SELECT 1")
        async with elsewhere(url):
            answers = await asyncio.gather(*(database.fetch_value("SELECT $1::int", n) for n in range(TASKS)))

    assert answers == list(range(TASKS))


async def test_a_direct_connection_is_not_taken_for_a_pooler(
    database: Database, caplog: pytest.LogCaptureFixture
):
    assert await database.fetch_value("SHOW statement_timeout") == "20s"
    assert "database.pooler_detected" not in caplog.messages

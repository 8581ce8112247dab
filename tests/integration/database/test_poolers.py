"""Behind a real PgBouncer in transaction mode: declared, recognised at once, or known by its errors."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from msgspec import Struct

from shared.database import Database, QueryFailed, SerializationFailure, Transaction
from shared.errors import DatabaseUnavailable, DeadlineExceeded
from shared.secret import Secret
from tests.fixtures.sessions import LASTING, LOCAL

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
        await owner.execute('CREATE SCHEMA "Reports"')
        await owner.execute('GRANT USAGE ON SCHEMA "Reports" TO annex')
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


SEEN = """
SELECT json_build_object(
    'settings', ARRAY(
        SELECT name || '=' || setting FROM pg_settings WHERE name NOT LIKE 'plpgsql.%' ORDER BY 1
    ),
    'tenant', coalesce(current_setting('app.tenant', true), ''), 'user', current_user,
    'locks', (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'),
    'prepared', (SELECT count(*) FROM pg_prepared_statements WHERE from_sql),
    'temporary', (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema()),
    'channels', ARRAY(SELECT pg_listening_channels()),
    'cursors', (SELECT count(*) FROM pg_cursors WHERE is_holdable)
)
"""


@pytest.mark.parametrize(
    "way",
    [
        lambda database, sql: database.execute(sql),
        lambda database, sql: database.fetch_value(sql),
        lambda database, sql: database.execute_many(sql, [()]),
        lambda database, sql: database.read_only().fetch_value(sql),
        lambda database, sql: database.transaction().run(lambda transaction: transaction.execute(sql)),
    ],
    ids=["execute", "fetch_value", "execute_many", "read_only", "transaction"],
)
async def test_behind_a_pooler_what_the_next_caller_would_find_is_refused_by_name(
    pgbouncer: Callable[..., str], way: Callable[[Database, str], Awaitable[object]]
):
    url = Secret(pgbouncer())
    async with Database.from_url(url, pooler="transaction", pool_max=1) as database:
        before = await database.fetch_value(SEEN)
        for sql, name in LASTING:
            with pytest.raises(QueryFailed) as refused:
                await way(database, sql)
            words = f"{name} is not allowed behind a transaction pooler"
            assert str(refused.value).startswith(words), sql
            assert await database.fetch_value(SEEN) == before, sql


@pytest.mark.parametrize("sql", LOCAL)
async def test_behind_a_pooler_what_ends_with_its_transaction_is_allowed(
    pgbouncer: Callable[..., str], sql: str, owner_url: str
):
    url = Secret(pgbouncer())
    async with Database.from_url(Secret(owner_url)) as owner:
        name = await owner.fetch_value("SELECT current_database()")
        await owner.execute(f"GRANT TEMPORARY ON DATABASE {name} TO annex")
    async with Database.from_url(url, pooler="transaction", pool_max=1) as database:
        before = await database.fetch_value(SEEN)
        async with database.transaction() as transaction:
            await transaction.execute(sql)

        assert await database.fetch_value(SEEN) == before


async def test_a_statement_that_never_got_a_server_connection_was_not_sent(pgbouncer: Callable[..., str]):
    """The pooler's own limit ends the wait at BEGIN."""
    url = Secret(pgbouncer(query_wait_timeout=1))
    async with (
        Database.from_url(url, pooler="transaction", pool_max=4) as database,
        database.transaction() as one,
        database.transaction() as two,
    ):
        await asyncio.gather(one.fetch_value("SELECT 1"), two.fetch_value("SELECT 1"))

        with pytest.raises(DatabaseUnavailable) as waited:
            await database.execute("""UPDATE "Sensor" SET name = 'x'""")
        with pytest.raises(DatabaseUnavailable) as begun:
            async with database.transaction():
                pass

    assert (waited.value.code, waited.value.retry_after) == ("database_unavailable", 1)
    assert (begun.value.code, begun.value.retry_after) == ("database_unavailable", 1)


async def test_a_pooler_in_session_mode_that_was_declared_none_is_used_as_the_server(
    pgbouncer: Callable[..., str],
):
    url = Secret(pgbouncer(ignore=STARTUP, mode="session"))
    async with Database.from_url(url, pooler="none", pool_max=1) as database:
        await work_together(database)
        async with database.listen("jobs") as heard:
            await database.execute("NOTIFY jobs, 'heard'")
            assert (await anext(heard)).payload == "heard"

        assert not database.is_behind_pooler


async def test_a_pooler_in_session_mode_that_refuses_settings_is_used_as_any_other(
    pgbouncer: Callable[..., str],
):
    async with Database.from_url(Secret(pgbouncer(mode="session")), pooler="none", pool_max=2) as database:
        await work_together(database)

        assert database.is_behind_pooler

"""What may have been saved is never offered for a retry, and what must not write cannot."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress

import pytest

from runtime.bridge.vocabulary import error_codes
from runtime.dev.postgres import EmbeddedPostgres
from shared.database import Database, OutcomeUnknown, QueryFailed
from shared.errors import DatabaseUnavailable, Invalid
from shared.secret import Secret
from tests.fixtures.faults import Link, eventually

WRITER = [
    "CREATE TABLE written (id int)",
    "CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS "
    "$$ INSERT INTO written SELECT 1 FROM pg_sleep(0.5) RETURNING id $$",
    "CREATE VIEW writing AS SELECT writes() AS id",
]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT writes()",
        "SELECT id FROM writing",
        "WITH w AS (INSERT INTO written SELECT 1 FROM pg_sleep(0.5) RETURNING id) SELECT id FROM w",
    ],
)
async def test_a_select_that_wrote_before_the_connection_was_lost_is_no_lost_read(
    mortal_postgres: EmbeddedPostgres, link: Link, sql: str
):
    password = (mortal_postgres.folder / "password").read_text()
    url = f"postgresql://postgres:{password}@127.0.0.1:{link.port}/app?sslmode=disable"
    direct = Database.from_url(Secret(mortal_postgres.socket_url("app")))
    async with Database.from_url(Secret(url), pool_max=1) as database, direct:
        for statement in WRITER:
            await direct.execute(statement)
        await database.fetch_value("SELECT 1")
        call = asyncio.create_task(database.fetch_value(sql))
        await asyncio.sleep(0.2)
        link.silence()

        async def is_written() -> bool:
            return bool(await direct.fetch_value("SELECT count(*) FROM written"))

        await eventually(is_written)
        link.restore()

        with pytest.raises(OutcomeUnknown) as lost:
            await call
    assert lost.value.retry_after is None
    assert error_codes()[lost.value.code]["retryable"] is False


SLOW_COMMIT = [
    "CREATE TABLE written (id int)",
    "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql"
    " AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN new; END $$",
    "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON written DEFERRABLE INITIALLY DEFERRED"
    " FOR EACH ROW EXECUTE FUNCTION slowly()",
]


async def write(database: Database) -> None:
    await database.execute("INSERT INTO written VALUES (1)")


async def write_inside(database: Database) -> None:
    async with database.transaction() as transaction:
        await transaction.execute("INSERT INTO written VALUES (1)")


@pytest.mark.parametrize("work", [write, write_inside])
async def test_a_write_that_a_silent_server_has_done_is_not_told_as_late(
    mortal_postgres: EmbeddedPostgres, link: Link, work: Callable[[Database], Coroutine[None, None, None]]
):
    password = (mortal_postgres.folder / "password").read_text()
    url = f"postgresql://postgres:{password}@127.0.0.1:{link.port}/app?sslmode=disable"
    direct = Database.from_url(Secret(mortal_postgres.socket_url("app")))
    async with Database.from_url(Secret(url), pool_max=1, query_timeout=1) as database, direct:
        for statement in SLOW_COMMIT:
            await direct.execute(statement)
        await database.fetch_value("SELECT 1")
        call = asyncio.create_task(work(database))

        async def is_being_written() -> bool:
            sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
            return bool(await direct.fetch_value(sql))

        await eventually(is_being_written)
        link.silence()

        with pytest.raises(OutcomeUnknown):
            await call
        assert await direct.fetch_value("SELECT count(*) FROM written") == 1


async def test_a_read_of_a_read_only_view_that_was_lost_may_be_sent_again(
    mortal_postgres: EmbeddedPostgres, link: Link
):
    password = (mortal_postgres.folder / "password").read_text()
    url = f"postgresql://postgres:{password}@127.0.0.1:{link.port}/app?sslmode=disable"
    async with Database.from_url(Secret(url), pool_max=1) as database:
        view = database.read_only()
        await view.fetch_value("SELECT 1")
        call = asyncio.create_task(view.fetch_value("SELECT pg_sleep(5)"))
        await asyncio.sleep(0.2)
        link.silence()
        link.restore()

        with pytest.raises(DatabaseUnavailable) as lost:
            await call
    assert (lost.value.code, lost.value.retry_after) == ("database_unavailable", 1)


WRITE = 'DELETE FROM "Sample"'
ESCAPES = [
    f"COMMIT; {WRITE}",
    f"ROLLBACK; {WRITE}",
    f"END; {WRITE}",
    f"ABORT; {WRITE}",
    f"/* a */ commit; {WRITE}",
    f"SELECT 1; COMMIT; {WRITE}",
    f"SELECT '\\'; COMMIT; {WRITE}",
    f"SET TRANSACTION READ WRITE; {WRITE}",
    f"SET transaction_read_only = off; {WRITE}",
    f"SELECT set_config('transaction_read_only', 'off', true); {WRITE}",
    f"BEGIN READ WRITE; {WRITE}",
    WRITE,
]


@pytest.mark.parametrize("sql", ESCAPES)
async def test_no_statement_writes_in_a_read_only_view(database: Database, sql: str):
    before = await database.fetch_value('SELECT count(*) FROM "Sample"')

    with pytest.raises(QueryFailed):
        await database.read_only().execute(sql)

    assert await database.fetch_value('SELECT count(*) FROM "Sample"') == before


@pytest.mark.parametrize(
    "first",
    [
        "SET TRANSACTION READ WRITE",
        "SET transaction_read_only = off",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "SELECT set_config('transaction_read_only', 'off', true)",
        "DO $$ BEGIN SET LOCAL transaction_read_only = off; END $$",
        "COMMIT",
        "ROLLBACK",
        "SELECT 1; COMMIT",
    ],
)
async def test_no_two_statements_write_in_a_read_only_transaction(database: Database, first: str):
    before = await database.fetch_value('SELECT count(*) FROM "Sample"')

    async def escape() -> None:
        async with database.transaction(read_only=True) as transaction:
            await transaction.execute(first)
            await transaction.execute(WRITE)

    with pytest.raises(QueryFailed):
        await escape()

    assert await database.fetch_value('SELECT count(*) FROM "Sample"') == before


@pytest.mark.parametrize("sql", ["COMMIT", "rollback", "BEGIN", "START TRANSACTION", "SELECT 1; END"])
async def test_transaction_control_is_refused_by_name(database: Database, sql: str):
    name = sql.upper().rpartition("; ")[2]

    with pytest.raises(QueryFailed, match=f"{name} is not allowed"):
        await database.execute(sql)
    with pytest.raises(QueryFailed, match=f"{name} is not allowed"):
        async with database.transaction() as transaction:
            await transaction.execute(sql)


async def test_savepoints_stay_inside_a_transaction(database: Database):
    async with database.transaction() as transaction:
        await transaction.execute("SAVEPOINT here")
        await transaction.execute('DELETE FROM "Sample"')
        await transaction.execute("ROLLBACK TO SAVEPOINT here")
        await transaction.execute("RELEASE SAVEPOINT here")
        assert await transaction.fetch_value('SELECT count(*) FROM "Sample"') == 480


async def test_a_server_that_became_read_only_is_unavailable_and_its_connections_are_dropped(
    database_url: str,
):
    async with Database.from_url(Secret(database_url), pool_max=1) as database:
        before = await database.fetch_value("SELECT pg_backend_pid()")

        async def write() -> None:
            async with database.transaction() as transaction:
                await transaction.execute("SET LOCAL transaction_read_only = on")
                await transaction.execute(WRITE)

        with pytest.raises(DatabaseUnavailable) as refused:
            await write()
        assert refused.value.retry_after == 1
        assert await database.fetch_value("SELECT pg_backend_pid()") != before


async def test_a_nul_in_a_json_value_is_the_callers_mistake(database: Database):
    with pytest.raises(Invalid):
        await database.fetch_value("SELECT $1::jsonb", {"a": "x\u0000y"})


async def test_a_write_whose_rows_cannot_be_read_is_done_once_and_not_offered_again(owner_url: str):
    async with Database.from_url(Secret(owner_url), pool_max=1) as database:
        await database.execute("CREATE TYPE crate AS (width int)")
        await database.execute("CREATE TABLE boxes (box crate)")
        insert = "INSERT INTO boxes (box.width) VALUES (1) RETURNING box"
        await database.fetch_value(insert)
        async with Database.from_url(Secret(owner_url), pool_max=1) as other:
            await other.execute("ALTER TYPE crate ADD ATTRIBUTE height int")

        with suppress(OutcomeUnknown):
            await database.fetch_value(insert)

        assert await database.fetch_value("SELECT count(*) FROM boxes") == 2
        assert (await database.read_only().fetch_value("SELECT box FROM boxes LIMIT 1"))["width"] == 1

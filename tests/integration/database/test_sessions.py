"""What one caller does to a session is never seen by the next, whichever way it was done."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from itertools import product

import asyncpg
import pytest
from msgspec import Struct

from shared.database import Database, QueryFailed
from shared.secret import Secret

# Each is one text; the driver sends a text without parameters as it is, with as many statements as there are.
CHANGES = [
    *(f"SET {scope}{setting}" for scope, setting in product(("", "SESSION "), (
        "ROLE boss", "work_mem TO '123MB'", "search_path TO hidden, public", "TIME ZONE 'Asia/Tokyo'",
        "DateStyle TO 'German, DMY'", "standard_conforming_strings TO off", "app.tenant TO 'acme'",
        "client_min_messages TO error",
    ))),
    "SET LOCAL work_mem TO '123MB'",
    "SET SESSION AUTHORIZATION boss",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "SET NAMES 'LATIN1'",
    "SELECT set_config('role', 'boss', false)",
    "SELECT pg_catalog.set_config('role', 'boss', false)",
    "SELECT \"set_config\"('work_mem', '123MB', false)",
    "SELECT U&\"set\\005fconfig\"('work_mem', '123MB', false)",
    "SELECT /* a /* nested */ comment */ set_config /* here */ ('work_mem', '123MB', false)",
    "SELECT set_config -- here\n('work_mem', '123MB', false)",
    "SELECT lower(set_config('work_mem', '123MB', false))",
    "SELECT 'C:\\', set_config('work_mem', '123MB', false)",
    "SELECT '\\', set_config('work_mem', '123MB', false), '\\'",
    "SELECT E'\\'', set_config('work_mem', '123MB', false), E'\\''",
    "SELECT e'it''s', set_config('work_mem', '123MB', false)",
    "SELECT U&'a', set_config('work_mem', '123MB', false), U&'b'",
    "SELECT $$'$$, set_config('work_mem', '123MB', false), $$'$$",
    "SELECT $a$ $b$ $a$, set_config('work_mem', '123MB', false), $b$ $b$",
    "SELECT \"$$\", set_config('work_mem', '123MB', false), \"$$\" FROM (SELECT 1 AS \"$$\") q",
    "SELECT a$b$, set_config('work_mem', '123MB', false), a$b$ FROM (SELECT 1 AS a$b$) q",
    "SELECT '--', set_config('work_mem', '123MB', false)",
    "SELECT '/*', set_config('work_mem', '123MB', false), '*/'",
    "WITH q AS (SELECT set_config('work_mem', '123MB', false)) SELECT * FROM q",
    "VALUES (set_config('work_mem', '123MB', false))",
    "SELECT * FROM set_config('work_mem', '123MB', false)",
    "SELECT 1 WHERE set_config('work_mem', '123MB', false) IS NOT NULL",
    "SELECT hidden.sets()",
    "SELECT hidden.lower('x')",
    "SELECT sets_too()",
    "SELECT (SELECT sets_too())",
    "SELECT now(), sets_too() AS now",
    "UPDATE pg_settings SET setting = '123MB' WHERE name = 'work_mem'",
    "INSERT INTO watched DEFAULT VALUES",
    "WITH w AS (INSERT INTO watched DEFAULT VALUES RETURNING 1) SELECT * FROM w",
    "DO $$ BEGIN SET work_mem TO '123MB'; END $$",
    "DO $$ BEGIN SET ROLE boss; END $$",
    "DO $x$ BEGIN EXECUTE 'CREATE TEMP TABLE \"Sample\" (id int)'; END $x$",
    "CALL sets_as_well()",
    "SELECT 1; SET search_path TO hidden",
    "SELECT 1;SET ROLE boss",
    "INSERT INTO watched DEFAULT VALUES; SET search_path TO hidden",
    "UPDATE watched SET id = 1; SET ROLE boss",
    "SELECT 1 /* ; */ ; /* ; */ SET ROLE boss",
    'CREATE TEMP TABLE "Sample" (LIKE "Sample" INCLUDING ALL)',
    'CREATE TEMPORARY TABLE "Sample" (id int)',
    'CREATE LOCAL TEMP TABLE "Sample" (id int)',
    'CREATE TABLE pg_temp."Sample" (id int)',
    'CREATE TABLE pg_temp."Sample" AS SELECT 1 AS id',
    'SELECT 1 AS id INTO TEMP "Sample"',
    'SELECT 1 AS id INTO pg_temp."Sample"',
    'CREATE TEMP VIEW "Sample" AS SELECT 1 AS id',
    "CREATE TEMP SEQUENCE numbers",
    "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TYPE pg_temp.mood AS ENUM ('sad')",
    "SELECT pg_advisory_lock(7)",
    "SELECT pg_try_advisory_lock(7)",
    "SELECT pg_advisory_lock_shared(7)",
    "SELECT \"pg_advisory_lock\"(7)",
    "DO $$ BEGIN PERFORM pg_advisory_lock(7); END $$",
    "LISTEN signals",
    'LISTEN "Sample"',
    "PREPARE mine AS SELECT 1",
    "PREPARE mine (int) AS SELECT $1",
    "DO $$ BEGIN EXECUTE 'PREPARE mine AS SELECT 1'; END $$",
    "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    "BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT 1; COMMIT",
    "SELECT nextval('numbers')",
    "SELECT setval('numbers', 41)",
    "INSERT INTO watched (number) VALUES (nextval('numbers'))",
    "BEGIN",
    "BEGIN; SET ROLE boss",
    "COMMIT; SET ROLE boss",
    "ROLLBACK; SET work_mem TO '123MB'",
    "DEALLOCATE ALL",
    "DISCARD ALL",
    "LOAD 'plpgsql'",
    "deallocate all; SET ROLE boss",
]  # fmt: skip


class Any(Struct):
    """Takes no column, so a row is read and then refused."""


async def _transaction(db: Database, sql: str) -> None:
    async with db.transaction() as transaction:
        await transaction.execute(sql)


async def _read_only_transaction(db: Database, sql: str) -> None:
    async with db.transaction(read_only=True) as transaction:
        await transaction.fetch_value(sql)


async def _failed_transaction(db: Database, sql: str) -> None:
    async with db.transaction() as transaction:
        await transaction.execute(sql)
        await transaction.execute("SELECT 1/0")


async def _committed_midway(db: Database, sql: str) -> None:
    async with db.transaction() as transaction:
        await transaction.execute(sql)
        await transaction.execute("COMMIT")


async def _run(db: Database, sql: str) -> None:
    await db.transaction().run(lambda transaction: transaction.execute(sql))


async def _with_claims(db: Database, sql: str) -> None:
    async with db.transaction(claims={"sub": "user_a"}, role="boss") as transaction:
        await transaction.execute(sql)


async def _iterate(db: Database, sql: str) -> None:
    async for _ in db.iterate(Any, sql):
        pass


async def _iterate_inside(db: Database, sql: str) -> None:
    async with db.transaction() as transaction:
        async for _ in transaction.iterate(Any, sql):
            pass


WAYS: dict[str, Callable[[Database, str], Awaitable[object]]] = {
    "fetch": lambda db, sql: db.fetch(Any, sql),
    "fetch_one": lambda db, sql: db.fetch_one(Any, sql),
    "fetch_value": lambda db, sql: db.fetch_value(sql),
    "execute": lambda db, sql: db.execute(sql),
    "execute_many": lambda db, sql: db.execute_many(sql, [()]),
    "iterate": _iterate,
    "read_only execute": lambda db, sql: db.read_only().execute(sql),
    "read_only fetch_value": lambda db, sql: db.read_only().fetch_value(sql),
    "transaction": _transaction,
    "transaction, read only": _read_only_transaction,
    "transaction, failed": _failed_transaction,
    "transaction, committed midway": _committed_midway,
    "transaction, run": _run,
    "transaction, claims": _with_claims,
    "transaction, iterate": _iterate_inside,
}

SESSION = """
SELECT json_build_object(
    'user', ARRAY[current_user, session_user],
    'settings', (
        SELECT json_object_agg(name, setting ORDER BY name) FROM pg_settings
        WHERE name NOT LIKE 'plpgsql.%'  -- which are there once the language is in use
    ),
    'tenant', coalesce(current_setting('app.tenant', true), ''),
    'claims', coalesce(current_setting('request.jwt.claims', true), ''),
    'temporary', (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema())
        + (SELECT count(*) FROM pg_type WHERE typnamespace = pg_my_temp_schema())
        + (SELECT count(*) FROM pg_proc WHERE pronamespace = pg_my_temp_schema()),
    'locks', (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'),
    'prepared', (SELECT count(*) FROM pg_prepared_statements WHERE from_sql),
    'channels', ARRAY(SELECT pg_listening_channels()),
    'cursors', (SELECT count(*) FROM pg_cursors WHERE is_holdable),
    'moment', '2026-01-01 09:00'::timestamptz AT TIME ZONE 'UTC'
)
"""


async def _remembers_no_number(db: Database) -> bool:
    try:
        await db.fetch_value("SELECT lastval()")
    except QueryFailed as error:
        return error.sqlstate == "55000"
    return False


APP = """
CREATE ROLE boss;
CREATE SCHEMA hidden;
CREATE FUNCTION sets_too() RETURNS text LANGUAGE sql AS $$ SELECT set_config('work_mem', '123MB', false) $$;
CREATE FUNCTION hidden.sets() RETURNS text LANGUAGE sql AS $$ SELECT public.sets_too() $$;
CREATE FUNCTION hidden.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT public.sets_too() $$;
CREATE PROCEDURE sets_as_well() LANGUAGE sql AS $$ SELECT sets_too() $$;
CREATE FUNCTION sets_on_write() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM sets_too(); RETURN new; END $$;
CREATE SEQUENCE numbers;
CREATE TABLE watched (id serial, number bigint);
CREATE TRIGGER sets BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION sets_on_write();
"""


@pytest.fixture
async def app_url(owner_url: str) -> AsyncIterator[str]:
    """The URL of a role that may do anything, on a database whose own functions set things."""
    owner = await asyncpg.connect(owner_url)
    try:
        await owner.execute(APP)
        yield owner_url
    finally:
        await owner.execute("DROP ROLE boss")
        await owner.close()


@pytest.mark.parametrize("way", WAYS)
async def test_the_next_caller_finds_a_new_session_after_any_change_by(way: str, app_url: str):
    async with Database.from_url(Secret(app_url), pool_max=1) as fresh:
        expected = await fresh.fetch_value(SESSION)
    async with Database.from_url(Secret(app_url), pool_max=1) as database:
        assert await database.fetch_value(SESSION) == expected
        for change in CHANGES:
            with suppress(Exception):  # not every way can do every change
                await WAYS[way](database, change)
            seen = await database.fetch_value(SESSION)
            assert {name for name in expected if seen[name] != expected[name]} == set(), change
            assert await _remembers_no_number(database), change
        assert not database.is_behind_pooler


class Watched(Struct):
    number: int


async def test_the_next_caller_finds_a_new_session_after_a_copy_whose_trigger_changed_it(app_url: str):
    async with Database.from_url(Secret(app_url), pool_max=1) as database:
        before = await database.fetch_value("SELECT current_setting('work_mem')")

        assert await database.copy("watched", [Watched(1)]) == 1

        assert await database.fetch_value("SELECT current_setting('work_mem')") == before != "123MB"
        assert await _remembers_no_number(database)


async def test_a_reset_keeps_the_server_process(database_url: str):
    async with Database.from_url(Secret(database_url), pool_max=1) as database:
        process = await database.fetch_value("SELECT pg_backend_pid()")
        await database.execute("SET work_mem TO '123MB'")

        assert await database.fetch_value("SELECT pg_backend_pid()") == process


async def test_an_insert_is_not_lost_in_a_table_of_the_last_caller(app_url: str):
    async with Database.from_url(Secret(app_url), pool_max=1) as database:
        async with database.transaction() as transaction:
            await transaction.execute("CREATE TEMP TABLE watched (LIKE public.watched)")
        await database.execute("INSERT INTO watched (number) VALUES (42)")

        assert await database.fetch_value("SELECT count(*) FROM public.watched WHERE number = 42") == 1


async def test_a_row_number_of_the_last_caller_is_not_told(app_url: str):
    async with Database.from_url(Secret(app_url), pool_max=1) as database:
        await database.execute("INSERT INTO watched (number) VALUES (42)")

        with pytest.raises(Exception, match="55000"):
            await database.fetch_value("SELECT lastval()")


async def _as_owner(url: str, sql: str) -> None:
    owner = await asyncpg.connect(url)
    await owner.execute(sql)
    await owner.close()


SETS = "LANGUAGE sql AS $$ SELECT set_config('work_mem', '123MB', false) $$"
UNSEEN = {
    "a view": (
        "CREATE VIEW seen AS SELECT set_config('work_mem', '123MB', false)",
        "SELECT * FROM seen",
    ),
    "a view in capitals, after a comma": (
        "CREATE VIEW \"Seen\" AS SELECT set_config('work_mem', '123MB', false) AS a",
        'SELECT * FROM watched w RIGHT JOIN (SELECT 1) q ON true, "Seen"',
    ),
    "a view of a view": (
        "CREATE VIEW seen AS SELECT sets_too(); CREATE VIEW above AS SELECT * FROM seen",
        "SELECT * FROM Above",
    ),
    "a view with a long name": (
        f"CREATE VIEW {'v' * 70} AS SELECT sets_too()",
        f"SELECT * FROM {'v' * 70}",
    ),
    "a view with a long name beyond ASCII": (
        f"CREATE VIEW Äb{'ö' * 40} AS SELECT sets_too()",
        f"SELECT * FROM ÄB{'ö' * 40}",
    ),
    "a view with a quote in its name": (
        'CREATE VIEW "a""b" AS SELECT sets_too()',
        'SELECT * FROM "a""b"',
    ),
    "a view with an escape in its name": (
        "CREATE VIEW seen AS SELECT sets_too()",
        'SELECT * FROM U&"s\\0065en"',
    ),
    "an operator": (
        f"CREATE FUNCTION same(int, int) RETURNS text {SETS};"
        "CREATE OPERATOR === (FUNCTION = same, LEFTARG = int, RIGHTARG = int)",
        "SELECT 1 === 1",
    ),
    "a cast": (
        f"CREATE TYPE mood AS ENUM ('sad'); CREATE FUNCTION spelt(mood) RETURNS text {SETS};"
        "CREATE CAST (mood AS text) WITH FUNCTION spelt(mood)",
        "SELECT 'sad'::mood::text",
    ),
    "a domain": (
        "CREATE DOMAIN checked AS int CHECK (sets_too() IS NOT NULL)",
        "SELECT 1::checked",
    ),
    "a function as a column": (
        f"CREATE FUNCTION length_of(watched) RETURNS text {SETS}; INSERT INTO watched DEFAULT VALUES",
        "SELECT w.length_of FROM watched w",
    ),
    "a function named like the catalogue's": (
        f"CREATE FUNCTION lower(watched) RETURNS text {SETS}; INSERT INTO watched DEFAULT VALUES",
        "SELECT lower(w) FROM watched w",
    ),
}


@pytest.mark.parametrize("made", UNSEEN)
async def test_a_read_that_runs_code_of_the_app_is_not_seen_by_the_next_caller(made: str, app_url: str):
    definition, read = UNSEEN[made]
    await _as_owner(app_url, definition)
    async with Database.from_url(Secret(app_url), pool_max=1) as database:
        before = await database.fetch_value("SELECT current_setting('work_mem')")

        await database.fetch_value(read)

        assert await database.fetch_value("SELECT current_setting('work_mem')") == before != "123MB"


GUARDED = """
CREATE TABLE guarded (id int);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON guarded USING (sets_too() IS NOT NULL);
"""


@pytest.mark.parametrize(
    ("read", "idle"),
    [
        ("SELECT count(*) FROM watched", 1),
        ("SELECT id, number FROM watched WHERE id = 1 ORDER BY number LIMIT 5", 1),
        ("SELECT upper('A'), count(*) FROM pg_class", 1),
        ("SELECT * FROM guarded", 0),
        ("SELECT * FROM watched, public . guarded", 0),
    ],
)
async def test_a_connection_is_free_at_once_after_a_read_of_plain_tables_without_policies(
    read: str, idle: int, app_url: str
):
    await _as_owner(app_url, GUARDED)
    async with Database.from_url(Secret(app_url), pool_max=1) as database:
        await database.fetch_value(read)

        assert database.statistics().idle == idle

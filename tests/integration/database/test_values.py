"""What a value on its way into or out of the database may be, and how a misfit is named."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from msgspec import Struct

from shared.database import Database, QueryFailed, Range, RowMismatch, SerializationFailure
from shared.errors import Invalid
from shared.instant import Instant
from shared.secret import Secret

CANARY = "K1tt3n"


@pytest.fixture
async def migration(owner_url: str) -> AsyncIterator[asyncpg.Connection]:
    """The app's own connection, which changes tables while the service runs."""
    connection = await asyncpg.connect(owner_url)
    await connection.execute(
        "CREATE TABLE moved (id int PRIMARY KEY, amount int, at timestamp, word text);"
        "GRANT ALL ON moved TO annex; INSERT INTO moved VALUES (1, 1, now(), 'a')"
    )
    yield connection
    await connection.close()


MIGRATIONS: dict[str, tuple[str, str, Any]] = {
    "int to bigint": ("amount TYPE bigint", "UPDATE moved SET amount = $1 WHERE id = 1", 2**40),
    "timestamp to timestamptz": (
        "at TYPE timestamptz",
        "UPDATE moved SET at = $1 WHERE id = 1",
        datetime(2026, 7, 1, tzinfo=UTC),
    ),
    "timestamp to date": ("at TYPE date", "UPDATE moved SET at = $1 WHERE id = 1", date(2026, 7, 1)),
    "text to int": (
        "word TYPE int USING 1",
        "UPDATE moved SET word = $1 WHERE id = 1",
        7,
    ),
    "int to text": ("amount TYPE text", "UPDATE moved SET amount = $1 WHERE id = 1", "many"),
    "int to int[]": ("amount TYPE int[] USING ARRAY[1]", "UPDATE moved SET amount = $1", [1, 2]),
}


async def write_alone(database: Database, sql: str, value: object) -> None:
    assert await database.execute(sql, value) == 1


async def write_inside(database: Database, sql: str, value: object) -> None:
    async with database.transaction() as transaction:
        assert await transaction.execute(sql, value) == 1


async def write_many(database: Database, sql: str, value: object) -> None:
    await database.execute_many(sql, ([item] for item in (value, value)))


async def write_and_return(database: Database, sql: str, value: object) -> None:
    assert await database.fetch_value(f"{sql} RETURNING id", value) == 1


@pytest.mark.parametrize("write", [write_alone, write_inside, write_many, write_and_return])
@pytest.mark.parametrize("change", MIGRATIONS)
async def test_a_value_that_fits_the_migrated_column_is_written_by_unchanged_code(
    database_url: str, migration: asyncpg.Connection, write: Any, change: str
):
    alter, sql, value = MIGRATIONS[change]
    column = alter.partition(" ")[0]
    async with Database.from_url(Secret(database_url), pool_max=1) as database:
        known = await migration.fetchval(f"SELECT {column} FROM moved")
        await write(database, sql, known)  # the driver knows the statement with its old type
        await migration.execute(f"ALTER TABLE moved ALTER {alter}")

        await write(database, sql, value)

        assert await migration.fetchval(f"SELECT {column} FROM moved") == value


async def test_rows_of_a_generator_are_all_written_although_a_migration_came_between(
    database_url: str, migration: asyncpg.Connection
):
    sql = "INSERT INTO moved (id, amount) VALUES ($1, $2)"
    async with Database.from_url(Secret(database_url), pool_max=1) as database:
        await database.execute_many(sql, [(10, 1)])
        await migration.execute("ALTER TABLE moved ALTER amount TYPE bigint")
        await database.execute_many(sql, ((number, 2**40) for number in range(11, 21)))

    assert await migration.fetchval("SELECT count(*) FROM moved WHERE amount = 2::bigint ^ 40") == 10


@pytest.mark.parametrize(
    ("sql", "args", "words"),
    [
        ("SELECT $1::int4", (CANARY,), "$1 is int4 in this statement, got str"),
        ("SELECT $1::text, $2::uuid", ("a", 7), "$2 is uuid in this statement, got int"),
        ("SELECT $1::int[]", (CANARY,), "$1 is int4[] in this statement, got str"),
        ("SELECT $1::int[]", ([1, CANARY],), "$1 is int4[] in this statement, got list"),
        ("SELECT $1::timestamptz", (CANARY,), "$1 is timestamptz in this statement, got str"),
        ("SELECT $1::timestamp", (CANARY,), "$1 is timestamp in this statement, got str"),
        ("SELECT $1::text", (1,), "$1 is text in this statement, got int"),
        ("SELECT $1::jsonb", (object(),), "$1 is jsonb in this statement, got object"),
        ("SELECT $1::interval", (CANARY,), "$1 is interval in this statement, got str"),
        ("SELECT $1::int4range", (CANARY,), "$1 is int4range in this statement, got str"),
    ],
)  # fmt: skip
async def test_a_parameter_of_a_wrong_type_is_named_with_what_was_expected_and_what_came(
    database: Database, sql: str, args: tuple[object, ...], words: str
):
    with pytest.raises(QueryFailed) as alone:
        await database.fetch_value(sql, *args)
    with pytest.raises(QueryFailed) as inside:
        async with database.transaction() as transaction:
            await transaction.fetch_value(sql, *args)

    assert words in str(alone.value)
    assert words in str(inside.value)
    assert (
        CANARY not in f"{alone.value!r} {alone.value.__cause__} {alone.value.__suppress_context__ or CANARY}"
    )


async def test_a_parameter_of_a_row_of_many_is_named_too(database: Database):
    with pytest.raises(QueryFailed, match=r"\$2 is text in this statement, got int"):
        await database.execute_many(
            """UPDATE "Sensor" SET name = $2 WHERE symbol = $1""", [("NORTH", "a"), ("SOUTH", 1)]
        )


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("SELECT $1::int8", 2**63),
        ("SELECT $1::int2", 2**15),
        ("SELECT $1::text", "\ud800"),
        ("SELECT $1::json", "\ud800"),
        ("SELECT $1::uuid", CANARY),
        ("SELECT $1::inet", CANARY),
        ("SELECT $1::bit(3)", CANARY),
        ("SELECT $1::cidr", "10.0.0.1/8"),
        ("SELECT $1::int4range", Range(lower=5, upper=1)),
    ],
)
async def test_a_value_that_no_migration_made_fit_is_still_the_callers_mistake(
    database: Database, sql: str, value: object
):
    with pytest.raises(Invalid):
        await database.fetch_value(sql, value)
    with pytest.raises(Invalid):
        async with database.transaction() as transaction:
            await transaction.fetch_value(sql, value)


@pytest.mark.parametrize("rows", [["NORTH", "SOUTH"], [1], [{"a": 1}], [("NORTH", "b"), ("c",)]])
async def test_rows_that_are_no_rows_are_refused(database: Database, rows: list[Any]):
    with pytest.raises(QueryFailed):
        await database.execute_many("""UPDATE "Sensor" SET name = $2 WHERE symbol = $1""", rows)

    assert await database.fetch_value("""SELECT count(*) FROM "Sensor" WHERE name = 'b'""") == 0


@pytest.mark.parametrize("sql", ["", " ", ";", "-- nothing", "/* ; */ ;"])
async def test_a_text_without_a_statement_is_named(database: Database, sql: str):
    for ask in (database.execute, database.fetch_value):
        with pytest.raises(QueryFailed, match="has no statement"):
            await ask(sql)


RANGES = [
    ("int4range", Range(lower=1, upper=5)),
    ("int8range", Range(lower=1)),
    ("numrange", Range(lower=Decimal("1.5"), upper=Decimal(2), lower_inc=False, upper_inc=True)),
    ("daterange", Range(lower=date(2026, 1, 1), upper=date(2026, 2, 1))),
    ("tstzrange", Range(lower=datetime(2026, 1, 1, tzinfo=UTC))),
    ("tsrange", Range(upper=datetime(2026, 1, 1))),  # noqa: DTZ001  no zone is the point
    ("numrange", Range[Decimal]()),
    ("int4range", Range[int](isempty=True)),
]


@pytest.mark.parametrize(("kind", "value"), RANGES)
async def test_a_range_is_written_and_read(database: Database, kind: str, value: Range[Any]):
    class Row(Struct):
        held: Range[Any]

    written = await database.fetch_one(Row, f"SELECT $1::{kind} AS held", value)

    assert written is not None
    assert written.held.isempty == value.isempty
    if not value.isempty:
        assert (written.held.lower, written.held.upper) == (value.lower, value.upper)


async def test_ranges_are_written_in_rows_and_as_multiranges(database: Database, owner_url: str):
    owner = await asyncpg.connect(owner_url)
    await owner.execute(
        "CREATE TABLE spans (span int4range, spans int4multirange); GRANT ALL ON spans TO annex"
    )
    row = (Range(lower=1, upper=3), [Range(lower=1, upper=3), Range(lower=7, upper=9)])
    await database.execute_many("INSERT INTO spans VALUES ($1, $2)", [row, row])

    assert (
        await owner.fetchval("SELECT spans::text FROM spans WHERE span = '[1,3)' LIMIT 1") == "{[1,3),[7,9)}"
    )
    await owner.close()


class Crate(Struct):
    width: int
    at: Instant


class Box(Struct):
    crate: Crate


async def test_a_composite_is_read_into_a_struct_and_written_from_a_tuple_or_a_dict(
    database: Database, owner_url: str
):
    owner = await asyncpg.connect(owner_url)
    await owner.execute("CREATE TYPE crate AS (width int, at timestamptz)")
    at = datetime(2026, 1, 1, tzinfo=UTC)

    for written in ((7, at), {"width": 7, "at": at}):
        read = await database.fetch(Box, "SELECT $1::crate AS crate", written)
        assert read == [Box(Crate(7, at))]
    await owner.close()


class At(Struct):
    at: Instant | None = None
    note: str | None = None


UNREADABLE = [
    ("'0044-03-15 BC'::timestamptz AS at, 'a' AS note", "at", "timestamptz"),
    ("'10000-01-01'::timestamptz AS at", "at", "timestamptz"),
    ("'0044-03-15 BC'::timestamp AS at", "at", "timestamp"),
    ("'10000-01-01'::timestamp AS at", "at", "timestamp"),
    ("'0044-03-15 BC'::date AS at", "at", "date"),
    ("'10000-01-01'::date AS at", "at", "date"),
    ("'24:00'::time AS at", "at", "time"),
    ("interval '1 month' AS at", "at", "interval"),
    ("interval '2 years 3 days' AS at", "at", "interval"),
    ("interval '1000000000 days' AS at", "at", "interval"),
    ("'\"\\ud83d\"'::json AS at", "at", "json"),
    ("'[[1]]'::json AS note, ARRAY['0044-03-15 BC'::date] AS at", "at", "date"),
]


@pytest.mark.parametrize(("columns", "column", "kind"), UNREADABLE)
async def test_a_value_that_python_has_no_word_for_is_named_by_its_column(
    database: Database, columns: str, column: str, kind: str
):
    """PostgreSQL knows years before 1 and after 9999, a 24th hour and months without a length."""
    sql = f"SELECT {columns}"
    for view in (database, database.read_only()):
        for ask in (view.fetch(At, sql), view.fetch_one(At, sql)):
            with pytest.raises(RowMismatch) as mismatch:
                await ask
            assert mismatch.value.column == column
            assert kind in str(mismatch.value)
            assert "cast it to text" in str(mismatch.value)
            assert mismatch.value.__suppress_context__
    assert await database.fetch_value("SELECT 1") == 1


async def test_the_columns_are_named_where_it_may_be_either(database: Database):
    with pytest.raises(RowMismatch, match="'a' or 'b'"):
        await database.fetch_value("SELECT '0044-03-15 BC'::date AS a, now()::date AS b")


@pytest.mark.parametrize(
    ("interval", "delta"),
    [
        ("90 minutes", timedelta(minutes=90)),
        ("-3 days 4 hours", timedelta(days=-3, hours=4)),
        ("40 days", timedelta(days=40)),
        ("0.000001 seconds", timedelta(microseconds=1)),
        ("30 days 24:00:01", timedelta(days=31, seconds=1)),
    ],
)
async def test_an_interval_of_days_and_time_is_a_timedelta_both_ways(
    database: Database, interval: str, delta: timedelta
):
    assert await database.fetch_value("SELECT $1::text::interval", interval) == delta
    assert await database.fetch_value("SELECT $1::interval = $2::text::interval", delta, interval) is True


async def test_infinity_is_the_last_moment_of_python(database: Database):
    row = await database.fetch_one(At, "SELECT 'infinity'::timestamptz AS at")

    assert row == At(datetime.max.replace(tzinfo=UTC))


async def test_a_lock_that_is_not_free_is_a_conflict_that_may_be_tried_again(database: Database):
    lock = """SELECT 1 FROM "Sensor" WHERE symbol = 'NORTH' FOR UPDATE NOWAIT"""
    async with database.transaction() as holder:
        await holder.fetch_value(lock)

        with pytest.raises(SerializationFailure) as taken:
            await database.fetch_value(lock)

    assert taken.value.retry_after == 0


@pytest.mark.parametrize(
    "sql", ["EXECUTE nosuch", "DEALLOCATE nosuch", "DO $$ BEGIN EXECUTE 'EXECUTE nosuch'; END $$"]
)
async def test_a_prepared_statement_that_never_was_is_no_sign_of_a_pooler(database: Database, sql: str):
    with pytest.raises(QueryFailed):
        await database.execute(sql)

    assert not database.is_behind_pooler


SEVERAL = r"^Several statements in one text|^cannot insert multiple commands"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; SELECT 2",
        "DELETE FROM \"Sample\"; DELETE FROM \"Sample\"",
        "SELECT 'a;b'; /* c */ SELECT 2 -- d",
        "SELECT '" + "x" * 40_000 + "'; DELETE FROM \"Sample\"",
        "SELECT 'C:\\'; DELETE FROM \"Sample\" --'",
    ],
)  # fmt: skip
async def test_several_statements_in_one_text_are_refused(database: Database, sql: str):
    for execute in (database.execute, database.read_only().execute):
        with pytest.raises(QueryFailed, match=SEVERAL):
            await execute(sql)
    with pytest.raises(QueryFailed, match=SEVERAL):
        async with database.transaction() as transaction:
            await transaction.execute(sql)

    assert await database.fetch_value('SELECT count(*) FROM "Sample"') == 480


@pytest.mark.parametrize(
    "sql", ["SELECT 1;", "SELECT ';'", "SELECT 1; -- the end", "SELECT $$;$$ ; ", "SELECT 'C:\\;'"]
)
async def test_a_semicolon_makes_no_second_statement(database: Database, sql: str):
    assert await database.execute(sql) == 1

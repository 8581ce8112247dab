"""Rows into structs, values into the wire's types, and what each refusal of the server becomes."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from msgspec import Struct

from shared.database import ConstraintViolated, Database, QueryFailed, Range, RowMismatch
from shared.errors import Conflict, DatabaseUnavailable, DeadlineExceeded, Invalid
from shared.secret import Secret
from tests.fixtures.figures import Figure

CANARY = "K1tt3n"


class State(StrEnum):
    HIGH = "HIGH"
    LOW = "LOW"
    NORMAL = "NORMAL"


class Everything(Struct, rename="camel"):
    id: UUID
    name: str
    state: State
    value: Decimal
    share: float
    count: int
    factors: dict[str, float]
    tags: list[str]
    matrix: list[list[int]]
    levels: Range[Decimal]
    days: Range[date]
    observed_at: datetime
    local_at: datetime
    lasted: timedelta
    payload: bytes
    nothing: str | None


class Named(Struct):
    name: str


async def test_every_type_of_the_app_arrives_as_its_python_type(database: Database):
    row = await database.fetch_one(
        Everything,
        """
        SELECT '00000000-0000-4000-8000-000000000001'::uuid AS id, 'NORTH' AS name,
               'HIGH'::"State" AS state, 12.345678::decimal(18,6) AS value, 0.5::float8 AS share,
               7 AS count, '{"zscore": 1.5}'::jsonb AS factors, ARRAY['a','b'] AS tags,
               ARRAY[[1,2],[3,4]] AS matrix,
               numrange(1.5, NULL) AS levels, daterange('2026-01-01', '2026-02-01') AS days,
               '2026-11-03T21:00:00+02:00'::timestamptz AS "observedAt",
               '2026-11-03T21:00:00'::timestamp AS "localAt", interval '90 minutes' AS lasted,
               '\\x00ff'::bytea AS payload, NULL AS nothing
        """,
    )

    assert row == Everything(
        id=UUID("00000000-0000-4000-8000-000000000001"),
        name="NORTH",
        state=State.HIGH,
        value=Decimal("12.345678"),
        share=0.5,
        count=7,
        factors={"zscore": 1.5},
        tags=["a", "b"],
        matrix=[[1, 2], [3, 4]],
        levels=Range(lower=Decimal("1.5"), upper=None),
        days=Range(lower=date(2026, 1, 1), upper=date(2026, 2, 1)),
        observed_at=datetime(2026, 11, 3, 19, tzinfo=UTC),
        local_at=datetime(2026, 11, 3, 21),  # noqa: DTZ001  the column has no time zone
        lasted=timedelta(minutes=90),
        payload=b"\x00\xff",
        nothing=None,
    )


@pytest.mark.parametrize("value", [{"a": [1, None, "é"]}, [], "text", 1.5, None, True])
@pytest.mark.parametrize("kind", ["json", "jsonb"])
async def test_json_goes_in_and_comes_out_as_the_value_it_is(database: Database, kind: str, value: Any):
    assert await database.fetch_value(f"SELECT $1::{kind}", value) == value


async def test_one_row_or_none_and_one_value_or_none(database: Database):
    assert await database.fetch_one(Named, "SELECT 'a' AS name UNION ALL SELECT 'b'") == Named("a")
    assert await database.fetch_one(Named, "SELECT 'a' AS name WHERE false") is None
    assert await database.fetch_value("SELECT 1 WHERE false") is None


async def test_execute_counts_the_rows_it_touched(database: Database):
    assert await database.execute("""UPDATE "Sample" SET confidence = 0 WHERE state = 'NORMAL'""") > 0
    assert await database.execute("SELECT set_config('work_mem', '8MB', true)") == 1


async def test_execute_many_is_all_or_nothing(database: Database):
    sql = """UPDATE "Sensor" SET name = $1 WHERE symbol = $2"""
    await database.execute_many(sql, [("One", "NORTH"), ("Two", "SOUTH")])
    with pytest.raises(Invalid):
        await database.execute_many(sql, [("Three", "NORTH"), ("\0", "SOUTH")])

    names = await database.fetch(Named, """SELECT name FROM "Sensor" WHERE symbol IN ('NORTH', 'SOUTH')""")
    assert sorted(row.name for row in names) == ["One", "Two"]


async def test_a_server_side_cursor_yields_every_row_a_batch_at_a_time(database: Database):
    rows = [
        row.name
        async for row in database.iterate(
            Named, "SELECT i::text AS name FROM generate_series(1, $1) i", 1001, batch=100
        )
    ]

    assert (len(rows), rows[-1]) == (1001, "1001")
    assert database.statistics().idle == database.statistics().size


class Reading(Struct, rename="camel"):
    symbol: str
    z_score: float


SCORE = '1.0::float8 AS "zScore"'


@pytest.mark.parametrize(
    ("columns", "column", "field", "words"),
    [
        ("'high' AS \"zScore\"", "zScore", "Reading.z_score", "expected float, got str"),
        ('NULL::float8 AS "zScore"', "zScore", "Reading.z_score", "got NoneType"),
        ("", "zScore", "Reading.z_score", "the statement does not return the column"),
        (f"{SCORE}, 1 AS extra", "extra", "Reading", "has no such field"),
        (f"{SCORE}, 'NORTH' AS symbol", "symbol", "Reading.symbol", "the statement returns the column twice"),
    ],
    ids=["another type", "null", "missing column", "missing field", "twice"],
)
async def test_a_row_that_does_not_fit_names_column_and_field(
    database: Database, columns: str, column: str, field: str, words: str
):
    with pytest.raises(RowMismatch, match=words) as mismatch:
        await database.fetch(Reading, f"SELECT 'NORTH' AS symbol{columns and ', '}{columns}")

    assert (mismatch.value.column, mismatch.value.field) == (column, field)


async def test_a_mismatch_never_shows_the_value(database: Database):
    class Verdict(Struct):
        state: State

    with pytest.raises(RowMismatch) as mismatch:
        await database.fetch(Verdict, f"SELECT '{CANARY}' AS state")

    assert CANARY not in str(mismatch.value)
    assert "expected State" in str(mismatch.value)


async def test_a_mismatch_inside_a_value_names_the_column_it_is_in(database: Database):
    class Factors(Struct):
        factors: dict[str, float]

    with pytest.raises(RowMismatch, match="factors"):
        await database.fetch(Factors, """SELECT '{"zscore": "high"}'::jsonb AS factors""")


INSTRUMENT = 'INSERT INTO "Sensor" (id, symbol, name, kind) VALUES (gen_random_uuid(), $1, $2, $3)'
SIGNAL = """
INSERT INTO "Sample" (id, "sensorId", state, value, confidence, factors, "observedAt")
VALUES (gen_random_uuid(), $1, 'NORMAL', $2, 0.5, '{}', now())
"""


class Kind(StrEnum):
    INDEX = "INDEX"


@pytest.mark.parametrize(
    ("sql", "args", "kind"),
    [
        (INSTRUMENT, ("NORTH", CANARY, Kind.INDEX), "unique"),
        (INSTRUMENT, (None, CANARY, Kind.INDEX), "not_null"),
        (SIGNAL, (UUID(int=1), Decimal(1)), "foreign_key"),
        ("""DELETE FROM "Sensor" WHERE symbol = $1""", ("NORTH",), "foreign_key"),
    ],
    ids=["unique", "not null", "missing reference", "still referred to"],
)
async def test_a_broken_rule_of_the_schema_is_a_conflict_that_shows_no_value(
    database: Database, sql: str, args: tuple[object, ...], kind: str
):
    with pytest.raises(ConstraintViolated) as broken:
        await database.execute(sql, *args)

    assert broken.value.kind == kind
    assert isinstance(broken.value, Conflict)
    assert CANARY not in f"{broken.value!r} {broken.value.detail}"


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("SELECT $1::numeric(18,6)", Decimal(10) ** 12),
        ("SELECT $1::text", f"{CANARY}\0"),
        ("SELECT $1::text", f"{CANARY}\ud800"),
        ("SELECT $1::int4", 2**31),
        ("SELECT $1::text::date", CANARY),
        ("SELECT $1::text::timestamptz", "2026-13-45"),
        ("SELECT $1::text::varchar::uuid", CANARY),
    ],
)  # fmt: skip
async def test_a_value_outside_what_the_database_holds_is_invalid_input(
    database: Database, sql: str, value: Any
):
    with pytest.raises(Invalid) as refused:
        await database.fetch_value(sql, value)

    assert CANARY not in f"{refused.value!r} {refused.value.detail} {refused.value.__cause__}"


@pytest.mark.parametrize(
    ("sql", "args", "words"),
    [
        ("SELECT nothing FROM \"Sample\"", (), 'column "nothing" does not exist (SQLSTATE 42703)'),
        ("SELEC 1", (), "syntax error"),
        ("SELECT $1::int4", (CANARY,), "$1 is int4 in this statement, got str"),
        ("SELECT $1::int4", (1, 2), "The number of parameters differs from the number of placeholders"),
        ("SELECT 1/0", (), "SQLSTATE 22012"),
        ('CREATE TABLE "Copy" ()', (), "The database role lacks a privilege"),
    ],
)  # fmt: skip
async def test_a_statement_of_ours_that_is_wrong_is_a_bug_that_names_itself(
    database: Database, sql: str, args: tuple[object, ...], words: str
):
    with pytest.raises(QueryFailed) as bug:
        await database.fetch_value(sql, *args)

    assert words in str(bug.value)
    assert CANARY not in str(bug.value)
    assert bug.value.__suppress_context__


async def test_a_read_only_view_cannot_write_and_says_whose_wish_that_is(database: Database):
    view = database.read_only()

    with pytest.raises(QueryFailed, match="attempted with read_only=True"):
        await view.execute('DELETE FROM "Sample"')
    with pytest.raises(QueryFailed, match="attempted with read_only=True"):
        async with view.transaction() as transaction:
            await transaction.execute('DELETE FROM "Sample"')

    assert await view.fetch_value('SELECT count(*) FROM "Sample"') == 480
    assert await database.execute('DELETE FROM "Sample"') == 480


async def test_a_statement_over_its_time_is_stopped_on_the_server_too(database_url: str):
    async with Database.from_url(Secret(database_url), query_timeout=0.2) as database:
        with pytest.raises(DeadlineExceeded):
            await database.fetch_value("SELECT pg_sleep(30)")
        running = (
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'"
        )
        assert await database.fetch_value(running) == 0


async def test_what_a_statement_leaves_in_the_session_is_gone_for_the_next_one(database_url: str):
    async with Database.from_url(Secret(database_url), pool_max=1) as database:
        await database.execute("SET work_mem TO '123MB'")
        await database.fetch_value("SELECT pg_advisory_lock(7)")

        assert await database.fetch_value("SHOW work_mem") != "123MB"
        assert await database.fetch_value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0


async def test_without_a_url_every_use_says_unavailable_and_only_the_reason_says_why():
    async with Database.from_url(None) as database:
        with pytest.raises(DatabaseUnavailable) as unavailable:
            await database.fetch_value("SELECT 1")
        with pytest.raises(DatabaseUnavailable):
            await database.ping()

    assert unavailable.value.reason == "DATABASE_URL is not set"
    assert "DATABASE_URL" not in unavailable.value.detail


async def test_the_schema_of_the_url_is_where_tables_are_looked_for(database_url: str, owner_url: str):
    async with Database.from_url(Secret(owner_url)) as owner:
        await owner.execute('CREATE SCHEMA "Reports"')
        await owner.execute('CREATE TABLE "Reports".daily AS SELECT 42 AS answer')
        await owner.execute('GRANT USAGE ON SCHEMA "Reports" TO annex')
        await owner.execute('GRANT SELECT ON "Reports".daily TO annex')

    async with Database.from_url(Secret(f"{database_url}&schema=Reports")) as database:
        assert await database.fetch_value("SELECT answer FROM daily") == 42


async def test_rows_as_structs_cost_little_beside_plain_records(
    database: Database, database_url: str, figure: Figure
):
    plain = await asyncpg.connect(database_url)
    sql = """SELECT id::text AS name FROM "Sample" """

    async def processor_time(fetch: Callable[[], Awaitable[list[Any]]]) -> float:
        rounds = []
        for _ in range(10):
            began = time.process_time()
            assert len(await fetch()) == 480
            rounds.append((time.process_time() - began) / 480 * 1e6)
        return round(min(rounds), 2)

    figure("records us a row", await processor_time(lambda: plain.fetch(sql)))
    figure("structs us a row", await processor_time(lambda: database.fetch(Named, sql)))
    await plain.close()


@pytest.mark.parametrize("view", [lambda database: database, Database.read_only])
async def test_a_function_cannot_close_the_pool_for_the_others(
    database: Database, view: Callable[[Database], Database]
):
    with pytest.raises(RuntimeError, match="The service owns the pool"):
        async with view(database):
            pass

    assert await database.fetch_value("SELECT 1") == 1

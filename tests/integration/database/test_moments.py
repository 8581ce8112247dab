"""Columns of Prisma's and Drizzle's default type, a timestamp in UTC without a zone, are instants."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from msgspec import Struct

from shared.database import Database
from shared.instant import Instant
from shared.secret import Secret

MOMENT = datetime(2026, 7, 1, 12, 30, 15, 123000, tzinfo=UTC)
TOKYO = timezone(timedelta(hours=9))


class Row(Struct):
    at: Instant
    ended: Instant | None = None
    local: datetime | None = None


async def test_an_instant_goes_into_a_timestamp_and_comes_back(database: Database):
    sql = "SELECT $1::timestamp(3) AS at, $2::timestamptz AS ended, $1::timestamp AS local"

    for row in (
        await database.fetch_one(Row, sql, MOMENT.astimezone(TOKYO), MOMENT),
        *await database.fetch(Row, sql, MOMENT, MOMENT.astimezone(TOKYO)),
    ):
        assert row is not None
        assert (row.at, row.ended, row.local) == (MOMENT, MOMENT, MOMENT.replace(tzinfo=None))


async def test_null_is_none_in_an_instant_that_may_be_absent(database: Database):
    row = await database.fetch_one(Row, "SELECT now()::timestamp AS at, NULL::timestamp AS ended")

    assert row is not None
    assert row.ended is None
    assert abs(row.at - datetime.now(UTC)) < timedelta(minutes=5)


async def test_a_zone_of_the_server_moves_no_instant(owner_url: str):
    async with Database.from_url(Secret(owner_url), pool_max=1) as owner:
        name = await owner.fetch_value("SELECT current_database()")
        await owner.execute(f"ALTER DATABASE \"{name}\" SET timezone TO 'America/New_York'")
    async with Database.from_url(Secret(owner_url), pool_max=1) as database:
        row = await database.fetch_one(
            Row, "SELECT $1::timestamp AS at, $1::timestamp::timestamptz AS ended", MOMENT
        )
        assert row == Row(MOMENT, MOMENT)
        assert await database.fetch_value("SHOW timezone") == "UTC"


async def test_a_time_zone_of_the_url_is_kept(database_url: str):
    async with Database.from_url(Secret(f"{database_url}&timezone=Asia/Tokyo")) as database:
        assert await database.fetch_value("SHOW timezone") == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime(2026, 7, 1, 12), "2026-07-01 12:00:00"),  # noqa: DTZ001  no zone is the point
        (date(2026, 7, 1), "2026-07-01 00:00:00"),
        (datetime.max, "infinity"),  # noqa: DTZ901  as the driver has it
        (datetime.min, "-infinity"),  # noqa: DTZ901
    ],
)
async def test_what_the_driver_took_for_a_timestamp_it_still_takes(
    database: Database, value: date, text: str
):
    assert await database.fetch_value("SELECT $1::timestamp::text", value) == text
    assert await database.fetch_value("SELECT ($1::text)::timestamp", text) == (
        value if isinstance(value, datetime) else datetime.combine(value, datetime.min.time())
    )


async def test_instants_in_an_array_are_written_in_utc(database: Database):
    written = await database.fetch_value("SELECT ($1::timestamp[])[1]::text", [MOMENT.astimezone(TOKYO)])

    assert written == "2026-07-01 12:30:15.123"

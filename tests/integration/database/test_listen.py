"""Notifications reach every listener, also after the connection was lost."""

import asyncio
from collections.abc import Callable

import asyncpg
import pytest

from runtime.dev.postgres import EmbeddedPostgres
from shared.database import Database, Notification, QueryFailed
from shared.errors import DatabaseUnavailable
from shared.secret import Secret
from tests.fixtures.faults import PATIENCE, eventually


async def test_every_listener_hears_its_channel_over_one_connection_beside_the_pool(database_url: str):
    async with (
        Database.from_url(Secret(database_url), pool_max=1) as database,
        database.listen("jobs") as one,
        database.listen("jobs") as other,
        database.listen('A "channel"') as third,
    ):
        await database.execute("SELECT pg_notify('jobs', '1')")
        await database.execute("SELECT pg_notify('A \"channel\"', '2')")
        async with database.transaction() as transaction:
            await transaction.execute("NOTIFY jobs, '3'")

        async with asyncio.timeout(PATIENCE):
            for listener in (one, other):
                assert [await anext(listener), await anext(listener)] == [
                    Notification("1"),
                    Notification("3"),
                ]
            assert await anext(third) == Notification("2")
        assert database.statistics().listening == 1
        assert database.statistics().size == 1
    assert database.statistics().listening == 0


async def test_a_lost_connection_is_opened_again_and_the_listener_is_told(database_url: str, owner_url: str):
    admin = await asyncpg.connect(owner_url)
    cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'"
    async with Database.from_url(Secret(database_url)) as database, database.listen("jobs") as heard:
        assert await admin.fetchval(cut) == 1
        async with asyncio.timeout(PATIENCE):
            assert await anext(heard) == Notification(missed=True)
            await admin.execute("NOTIFY jobs, 'again'")
            assert await anext(heard) == Notification("again")
    await admin.close()


async def test_a_database_that_is_away_keeps_no_listener_from_leaving(mortal_postgres: EmbeddedPostgres):
    async with Database.from_url(Secret(mortal_postgres.socket_url("app", "annex"))) as database:
        async with asyncio.timeout(PATIENCE), database.listen("jobs"), database.listen("others") as heard:
            await asyncio.to_thread(mortal_postgres.stop)
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(DatabaseUnavailable):
                async with database.listen("jobs"):
                    pass
            await asyncio.to_thread(mortal_postgres.start)
            async with database.listen("jobs") as heard:
                await database.execute("NOTIFY jobs")
                assert await anext(heard) == Notification("")


async def test_listeners_that_leave_at_any_moment_leave_no_connection_behind(database: Database):
    async def listen() -> None:
        async with database.listen("jobs") as heard:
            await anext(heard)

    for turns in range(60):
        calls = [asyncio.create_task(listen()) for _ in range(3)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert database.statistics().listening == 0


async def test_the_last_listener_closes_the_connection_and_the_next_opens_one(database: Database):
    for _ in range(3):
        async with database.listen("jobs") as heard:
            assert database.statistics().listening == 1
            await database.execute("NOTIFY jobs")
            async with asyncio.timeout(PATIENCE):
                assert await anext(heard) == Notification("")
        assert database.statistics().listening == 0


async def test_a_listener_that_is_too_slow_keeps_the_last_ones_and_is_told(database: Database):
    async with database.listen("jobs") as heard:
        await database.execute("SELECT pg_notify('jobs', i::text) FROM generate_series(1, 1500) i")

        async def has_come() -> bool:
            return heard.waiting >= 1000

        await eventually(has_come)
        first = await anext(heard)

    assert first.missed
    assert int(first.payload) > 1


async def test_behind_a_pooler_listening_is_refused_with_the_cure(pgbouncer: Callable[..., str]):
    async with Database.from_url(Secret(pgbouncer()), pooler="transaction") as database:
        with pytest.raises(QueryFailed, match="give the service the direct URL"):
            async with database.listen("jobs"):
                pass


async def test_behind_a_pooler_that_nobody_declared_it_is_refused_too(pgbouncer: Callable[..., str]):
    async with Database.from_url(Secret(pgbouncer())) as database:
        with pytest.raises(QueryFailed, match="give the service the direct URL"):
            async with database.listen("jobs"):
                pass


async def test_a_database_that_is_away_is_unavailable_to_a_listener():
    url = Secret("postgresql://annex@127.0.0.1:9/app?sslmode=disable")
    async with Database.from_url(url) as database:
        with pytest.raises(DatabaseUnavailable):
            async with database.listen("jobs"):
                pass


async def test_the_end_of_the_service_ends_the_loop(database_url: str):
    async with Database.from_url(Secret(database_url)) as database:
        listener = database.listen("jobs")
        await listener.__aenter__()
    with pytest.raises(DatabaseUnavailable):
        await anext(listener)
    await listener.__aexit__(None, None, None)

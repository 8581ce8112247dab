"""The pool by itself: who gets a connection, when one goes, and that none is ever lost."""

import asyncio
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from shared.database import Database, QueryFailed
from shared.database.connection.connector import Limits
from shared.database.connection.url import translate
from shared.errors import DatabaseUnavailable
from tests.fixtures.faults import eventually

PROCESS = "SELECT pg_backend_pid()"
BRIEF = "SELECT 1 FROM pg_sleep(0.0005)"


def opened(url: str, **limits: Any) -> Database:
    return Database(translate(url), Limits(**limits))


async def test_whoever_waited_longest_is_served_first(database_url: str):
    async with opened(database_url, pool_max=1) as database:
        served: list[int] = []

        async def ask(number: int) -> None:
            await database.fetch_value("SELECT 1")
            served.append(number)

        async with database.transaction():
            tasks = [asyncio.create_task(ask(number)) for number in range(8)]
            await asyncio.sleep(0)
        late = asyncio.create_task(ask(8))
        await asyncio.gather(*tasks, late)

    assert served == list(range(9))


async def test_a_connection_that_comes_as_its_owner_is_called_away_goes_to_the_next(database_url: str):
    async with opened(database_url, pool_max=1) as database:
        async with database.transaction():
            leaving = asyncio.create_task(database.fetch_value("SELECT 1"))
            staying = asyncio.create_task(database.fetch_value("SELECT 2"))
            await asyncio.sleep(0)
        leaving.cancel()

        assert await staying == 2
        assert leaving.cancelled()
        assert database.statistics() == (1, 1, 0, 1, 0)


async def test_a_call_that_is_thrown_away_while_it_waits_gets_nothing(database_url: str):
    async with opened(database_url, pool_max=1, acquire=0.3) as database:
        async with database.transaction():
            call = database.fetch_value("SELECT 1")
            call.send(None)
            call.close()
        assert await database.fetch_value("SELECT 2") == 2


class Broken(SpanProcessor):
    """Cannot hear of spans of one name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        if span.name == self._name:
            raise ValueError("broken")


def told_badly(name: str) -> TracerProvider:
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(Broken(name))
    return tracers


async def test_a_statement_out_of_time_that_could_not_be_told_keeps_its_connection_till_it_is_over(
    database_url: str,
):
    target, limits = translate(database_url), Limits(pool_max=1, query=0.1)
    async with Database(target, limits, tracer_provider=told_badly("SELECT")) as database:
        with pytest.raises(ValueError, match="broken"):
            await database.fetch_value("SELECT pg_sleep(5)")
        assert database.statistics().idle == 0
        async with database.transaction():
            pass
        assert database.statistics().idle == 1


async def test_a_connection_whose_wait_could_not_be_told_is_there_for_the_next(database_url: str):
    target, limits = translate(database_url), Limits(pool_max=1, acquire=0.3)
    async with Database(target, limits, tracer_provider=told_badly("db.pool.acquire")) as database:
        with pytest.raises(ValueError, match="broken"):
            await database.fetch_value("SELECT 1")  # to connect takes long enough to be told
        assert await database.fetch_value("SELECT 2") == 2


async def test_those_who_gave_up_waiting_do_not_stand_in_the_way(database_url: str):
    async with opened(database_url, pool_max=1, acquire=0.3) as database:
        async with database.transaction():
            tasks = [asyncio.create_task(database.fetch_value("SELECT 1")) for _ in range(3)]
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(error) for error in ended] == [DatabaseUnavailable] * 3
        assert await database.fetch_value("SELECT 2") == 2


async def test_whoever_came_later_waits_on_when_the_first_gives_up(database_url: str):
    async with opened(database_url, pool_max=1, acquire=0.3) as database:
        async with database.transaction():
            first = asyncio.create_task(database.fetch_value("SELECT 1"))
            await asyncio.sleep(0.15)
            second = asyncio.create_task(database.fetch_value("SELECT 2"))
            third = asyncio.create_task(database.fetch_value("SELECT 3"))
            with pytest.raises(DatabaseUnavailable):
                await first
            second.cancel()
        assert await third == 3


async def test_those_who_wait_when_the_service_stops_are_told_so(database_url: str):
    async with opened(database_url, pool_max=1) as database:
        async with database.transaction():
            waiting = asyncio.create_task(database.fetch_value("SELECT 1"))
            await asyncio.sleep(0)
            closing = asyncio.create_task(database.__aexit__(None, None, None))
            with pytest.raises(DatabaseUnavailable) as stopping:
                await waiting
        await closing

    assert stopping.value.reason == "the service is shutting down"
    assert database.statistics().size == 0


async def test_connections_that_nobody_uses_are_closed_and_the_one_in_use_is_kept(database_url: str):
    async with opened(database_url, pool_max=3, idle=0.2) as database:
        await asyncio.gather(*(database.fetch_value("SELECT pg_sleep(0.02)") for _ in range(3)))
        assert database.statistics().size == 3
        kept = await database.fetch_value(PROCESS)

        async def is_alone() -> bool:
            assert await database.fetch_value(PROCESS) == kept
            return database.statistics().size == 1

        await eventually(is_alone)

        async def are_gone() -> bool:
            return database.statistics().size == 0

        await eventually(are_gone)
        assert await database.fetch_value("SELECT 1") == 1


async def test_a_connection_is_replaced_after_so_many_loans(database_url: str):
    async with opened(database_url, pool_max=1, loans=2) as database:
        processes = [await database.fetch_value(PROCESS) for _ in range(4)]

    assert processes[0] == processes[1] != processes[2] == processes[3]


async def test_a_transaction_cannot_be_used_after_its_end(database_url: str):
    async with opened(database_url, pool_max=1) as database:
        async with database.transaction() as transaction:
            await transaction.fetch_value("SELECT 1")

        with pytest.raises(QueryFailed, match="after its end"):
            await transaction.fetch_value("SELECT 1")


async def test_no_more_connections_are_made_than_there_may_be(database_url: str):
    async with opened(database_url, pool_max=3) as database:
        processes = await asyncio.gather(*(database.fetch_value(PROCESS) for _ in range(30)))
        assert database.statistics() == (3, 3, 0, 3, 0)

    assert len(set(processes)) <= 3


async def test_callers_who_leave_a_crowded_queue_leave_no_place_behind(database_url: str):
    """Half of them are cancelled after another number of turns: waiting, being served, or just called up."""
    async with opened(database_url, pool_max=2) as database:
        for turns in range(80):
            calls = [asyncio.create_task(database.fetch_value(BRIEF)) for _ in range(8)]
            for _ in range(turns):
                await asyncio.sleep(0)
            for call in calls[turns % 2 :: 2]:
                call.cancel()
            stayed = calls[1 - turns % 2 :: 2]
            assert [await call for call in stayed] == [1] * 4

        async with database.transaction(), database.transaction():
            assert database.statistics() == (2, 0, 0, 2, 0)
        assert database.statistics() == (2, 2, 0, 2, 0)

"""What a statement, a wait and a failure look like from outside: spans and metrics, and no leak."""

import asyncio
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from shared.database import ConstraintViolated, Database
from shared.errors import DatabaseUnavailable
from shared.secret import Secret

CANARY = "K1tt3n"


class Observed:
    """A database and what it told its providers."""

    def __init__(self, url: str, **limits: Any) -> None:
        self._exporter, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracers, meters = TracerProvider(), MeterProvider([self._reader])
        tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.database = Database.from_url(
            Secret(url), tracer_provider=tracers, meter_provider=meters, **limits
        )

    def spans(self, name: str = "") -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if name in ("", span.name)]

    def metrics(self) -> dict[str, list[Any]]:
        data = self._reader.get_metrics_data()
        assert data is not None
        found = [m for r in data.resource_metrics for scope in r.scope_metrics for m in scope.metrics]
        return {metric.name: list(metric.data.data_points) for metric in found}


async def test_a_statement_is_one_client_span_named_by_what_it_does_and_to_which_tables(database_url: str):
    observed = Observed(database_url)
    async with observed.database as database:
        await database.fetch_value(
            """SELECT a.value FROM "Sample" a JOIN "Sensor" s ON s.id = a."sensorId" WHERE s.symbol = $1""",
            CANARY,
        )

    (span,) = observed.spans("SELECT Sample Sensor")
    assert span.kind is SpanKind.CLIENT
    assert span.attributes is not None
    where = {"db.namespace", "server.address", "server.port"}  # the port only if it is not the usual one
    assert {name: value for name, value in span.attributes.items() if name not in where} == {
        "db.system.name": "postgresql",
        "db.query.summary": "SELECT Sample Sensor",
    }
    assert span.attributes.keys() >= {"db.namespace", "server.address"}
    assert CANARY not in span.to_json()


async def test_the_first_connection_is_a_wait_that_shows_and_the_next_use_of_it_is_not(database_url: str):
    observed = Observed(database_url)
    async with observed.database as database:
        for _ in range(3):
            await database.fetch_value("SELECT 1")

    assert len(observed.spans("db.pool.acquire")) == 1
    assert len(observed.spans("SELECT")) == 3


async def test_a_failed_statement_carries_its_sqlstate_and_none_of_the_servers_words(database_url: str):
    observed = Observed(database_url)
    async with observed.database as database:
        with pytest.raises(ConstraintViolated):
            await database.execute(
                """INSERT INTO "Sensor" VALUES (gen_random_uuid(), 'NORTH', $1, 'INDEX')""", CANARY
            )

    (span,) = observed.spans("INSERT Sensor")
    assert span.attributes is not None
    assert span.attributes["db.response.status_code"] == span.attributes["error.type"] == "23505"
    assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, None, ())
    assert CANARY not in span.to_json()


async def test_an_exhausted_pool_answers_within_its_budget_and_shows_as_span_and_metric(database_url: str):
    observed = Observed(database_url, pool_max=1, acquire_timeout=0.2)
    async with observed.database as database, database.transaction():
        with pytest.raises(DatabaseUnavailable) as full:
            await database.fetch_value("SELECT 1")

    assert full.value.retry_after == 1
    assert full.value.reason == "all 1 connections stayed busy for 0.2 s"
    waits = [
        span for span in observed.spans("db.pool.acquire") if span.status.status_code is StatusCode.ERROR
    ]
    assert [dict(span.attributes or {})["error.type"] for span in waits] == ["TimeoutError"]
    assert [point.value for point in observed.metrics()["db.client.connection.timeouts"]] == [1]


async def test_those_who_wait_are_counted_while_they_wait(database_url: str):
    observed = Observed(database_url, pool_max=1)
    async with observed.database as database:
        async with database.transaction() as transaction:
            waiting = asyncio.create_task(database.fetch_value("SELECT 1"))
            await transaction.fetch_value("SELECT 1")
            now = observed.metrics()
            assert database.statistics() == (1, 0, 1, 1, 0)
        assert await waiting == 1

    states = {
        dict(point.attributes)["db.client.connection.state"]: point.value
        for point in now["db.client.connection.count"]
    }
    assert states == {"idle": 0, "used": 1}
    assert [point.value for point in now["db.client.connection.pending_requests"]] == [1]
    assert [point.value for point in now["db.client.connection.max"]] == [1]


async def test_durations_are_counted_in_seconds_by_statement(database_url: str):
    observed = Observed(database_url)
    async with observed.database as database:
        await database.fetch_value("SELECT pg_sleep(0.02)")

    (point,) = observed.metrics()["db.client.operation.duration"]
    assert (point.count, point.attributes["db.query.summary"]) == (1, "SELECT")
    assert point.sum >= 0.02


async def test_a_ping_leaves_no_span(database_url: str):
    observed = Observed(database_url)
    async with observed.database as database:
        await database.fetch_value("SELECT 1")
        before = len(observed.spans())
        assert await database.ping() > 0

    assert len(observed.spans()) == before

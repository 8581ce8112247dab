"""Queued work from outside: one trace from the request to the job's SQL, and what is counted."""

from pathlib import Path
from typing import Any

import httpx
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import SpanKind

from runtime.app import create_app
from runtime.settings import load
from runtime.work.queue.queue import Queue, new_id
from runtime.work.worker.figures import Figures
from shared.secret import Secret
from tests.fixtures.app import Caller
from tests.fixtures.clerk import Issuer
from tests.fixtures.telemetry import Spans
from tests.fixtures.valkey import RedisServer
from tests.fixtures.work import ended, worker

ASKS = '''"""Ask the database, later."""

from runtime import Database, Function, Jobs

config = Function(retries=0)


async def job(db: Database, data: str) -> int:
    """Ask it."""
    if data == "fail":
        raise ValueError("K1tt3n")
    found: int = await db.fetch_value("SELECT 7")
    return found


async def post(data: str, jobs: Jobs) -> str:
    """Queue it."""
    return (await jobs.enqueue("/asks", data)).id
'''


async def traced(
    data: str, spans: Spans, tmp_path: Path, redis_server: RedisServer, database_url: str, issuer: Issuer
) -> dict[str, Any]:
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "asks.py").write_text(ASKS)
    named = {"CLERK_JWT_KEY": issuer.pem, "DATABASE_URL": database_url, "REDIS_URL": redis_server.url}
    settings = load({"ANNEX_ENV": "test", "ANNEX_FUNCTIONS": str(tmp_path / "functions"), **named})
    application = create_app(settings, telemetry=spans.telemetry)
    transport = httpx.ASGITransport(application)
    async with (
        application.running(),
        httpx.AsyncClient(transport=transport, base_url="http://annex") as http,
    ):
        caller = Caller(application, http, issuer)
        run = (await caller.signed("POST", "/asks", json=data)).json()
        async with worker(caller):
            return await ended(caller, run)


async def test_one_trace_leads_from_the_request_to_the_sql_of_its_job(
    spans: Spans, tmp_path: Path, redis_server: RedisServer, database_url: str, issuer: Issuer
):
    run = await traced("x", spans, tmp_path, redis_server, database_url, issuer)
    request, sent, processed = (spans.one(name) for name in ("POST /asks", "send /asks", "process /asks"))
    query = spans.one("SELECT")
    assert {each.context.trace_id for each in (sent, processed, query)} == {request.context.trace_id}
    assert (sent.kind, processed.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    assert processed.parent is not None
    assert processed.parent.span_id == sent.context.span_id
    assert [each.context.span_id for each in processed.links] == [sent.context.span_id]
    assert query.parent is not None
    assert query.parent.span_id == processed.context.span_id
    assert processed.attributes is not None
    assert dict(processed.attributes) == {
        "messaging.system": "redis",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "/asks",
        "messaging.message.id": run["id"],
        "annex.run.try": 1,
        "annex.run.outcome": "done",
    }


async def test_a_try_that_failed_is_an_error_without_the_text_of_its_exception(
    spans: Spans, tmp_path: Path, redis_server: RedisServer, database_url: str, issuer: Issuer
):
    await traced("fail", spans, tmp_path, redis_server, database_url, issuer)
    processed = spans.one("process /asks")
    assert processed.status.is_ok is False
    assert processed.attributes is not None
    assert processed.attributes["annex.run.outcome"] == "failed"
    assert "K1tt3n" not in processed.to_json()


async def test_depth_age_outcomes_and_durations_are_counted_by_job(redis_server: RedisServer):
    reader, queue = InMemoryMetricReader(), Queue.from_url(Secret(redis_server.url))
    figures = Figures(MeterProvider([reader]).get_meter("annex"), {"server.address": "queue"})
    fields = {"job": "/mail", "path": "/mail", "data": "{}", "retries": 1, "kept": 60}
    for _ in range(2):
        await queue.enqueue(new_id(), fields, key="", delay=0)
    await figures.look(queue)
    with figures.timed("/mail") as outcome:
        outcome.name = "done"
    await queue.close()
    data = reader.get_metrics_data()
    assert data is not None
    (scope,) = (scope for resource in data.resource_metrics for scope in resource.scope_metrics)
    found: dict[str, Any] = {metric.name: metric.data.data_points[0] for metric in scope.metrics}
    assert found["annex.jobs.waiting"].value == 2
    assert found["annex.jobs.oldest"].value >= 0
    assert (found["annex.jobs.tries"].value, found["messaging.process.duration"].count) == (1, 1)
    assert found["annex.jobs.tries"].attributes == {
        "messaging.destination.name": "/mail",
        "annex.run.outcome": "done",
    }

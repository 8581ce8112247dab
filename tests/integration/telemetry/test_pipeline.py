"""What leaves a process, as a real OTLP endpoint sees it, and how it ends."""

import asyncio
import logging
import threading
import time

import pytest
from opentelemetry import trace

from runtime.asgi.invocation import Invocation
from runtime.settings import load
from runtime.telemetry import Telemetry
from runtime.telemetry.metrics.durations import Outcome
from tests.fixtures.telemetry import Receiver


@pytest.fixture(autouse=True)
def no_exporter_outlives_its_test():
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
    assert set(threading.enumerate()) <= before


def settings(endpoint: str, **environ: str):
    return load(
        {
            "ANNEX_ENV": "production",
            "CLERK_JWT_KEY": "unused",
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            **environ,
        }
    )


async def test_stop_sends_what_is_queued(otlp: Receiver):
    telemetry = Telemetry.start(
        settings(
            otlp.http + "/",
            RAILWAY_ENVIRONMENT_NAME="staging",
            RAILWAY_GIT_COMMIT_SHA="0c1d2e3",
            RAILWAY_REPLICA_ID="replica-1",
            RAILWAY_REPLICA_REGION="europe-west4",
            RAILWAY_DEPLOYMENT_ID="deployment-1",
            OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20secret,x-team=markets",
        )
    )
    with trace.get_tracer("functions").start_as_current_span("regime"):
        pass

    assert await telemetry.stop(10) is True

    span = await otlp.span("regime")
    assert span.resource["service.name"] == "annex"
    assert span.resource["service.version"] == "0c1d2e3"
    assert span.resource["service.instance.id"] == "replica-1"
    assert span.resource["deployment.environment.name"] == "staging"
    assert (span.resource["deployment.id"], span.resource["cloud.region"]) == (
        "deployment-1",
        "europe-west4",
    )
    assert otlp.headers[0]["authorization"] == "Bearer secret"
    assert otlp.headers[0]["x-team"] == "markets"


async def test_metrics_arrive_with_the_durations_among_them(otlp: Receiver):
    telemetry = Telemetry.start(settings(otlp.http))
    telemetry.metrics.watch_quarantined(lambda: 2)
    telemetry.metrics.durations.add(Outcome("GET", "/signals/{symbol}", 200, "http"), 0.02)
    telemetry.metrics.auth_outcomes["token-expired"] += 3
    telemetry.metrics.active[Invocation(request_id="r-1", client="", method="GET", started=0)] = "http"

    assert await telemetry.stop(10) is True

    await otlp.until(lambda: "http.server.request.duration" in otlp.metrics)
    (duration,) = otlp.metrics["http.server.request.duration"].histogram.data_points
    (active,) = otlp.metrics["http.server.active_requests"].sum.data_points
    (auth,) = otlp.metrics["annex.auth.outcomes"].sum.data_points
    (broken,) = otlp.metrics["annex.functions.quarantined"].gauge.data_points
    assert (duration.count, duration.sum) == (1, 0.02)
    assert (active.as_int, auth.as_int, broken.as_int) == (1, 3, 2)


async def test_lag_of_the_event_loop_is_measured(otlp: Receiver):
    telemetry = Telemetry.start(settings(otlp.http))
    stop = telemetry.metrics.watch_loop(asyncio.get_running_loop(), interval=0.01)

    await asyncio.sleep(0)
    time.sleep(0.06)  # noqa: ASYNC251 - a function that blocks the loop is the subject
    for _ in range(3):
        await asyncio.sleep(0)
    stop()
    assert await telemetry.stop(10) is True

    await otlp.until(lambda: "annex.event_loop.lag" in otlp.metrics)
    (lag,) = otlp.metrics["annex.event_loop.lag"].histogram.data_points
    assert lag.max >= 0.04


async def test_spans_travel_through_a_real_collector(otlp: Receiver, collector: str):
    telemetry = Telemetry.start(settings(collector))
    with trace.get_tracer("functions").start_as_current_span("regime"):
        pass
    telemetry.metrics.durations.add(Outcome("GET", "/signals", 200, "http"), 0.02)

    assert await telemetry.stop(10) is True

    assert (await otlp.span("regime")).resource["service.name"] == "annex"
    await otlp.until(lambda: "http.server.request.duration" in otlp.metrics)


async def test_exception_of_a_library_leaves_without_its_text(otlp: Receiver):
    telemetry = Telemetry.start(settings(otlp.http))
    with (
        pytest.raises(ValueError, match="canary"),
        trace.get_tracer("library").start_as_current_span("regime"),
    ):
        raise ValueError("canary")

    await telemetry.stop(10)

    span = await otlp.span("regime")
    assert span.events[0][1]["exception.type"] == "ValueError"
    assert not any(b"canary" in sent for sent in otlp.raw)


async def test_stop_keeps_its_budget_when_a_collector_never_answers(black_hole: str, caplog):
    telemetry = Telemetry.start(settings(black_hole))
    for _ in range(2000):
        telemetry.tracer.start_span("regime").end()

    async with asyncio.timeout(3):
        assert await telemetry.stop(0.3) is False

    assert "not flushed within 0.3 s" in caplog.text


async def test_queue_is_bounded_while_nobody_takes_anything(black_hole: str, caplog):
    telemetry = Telemetry.start(settings(black_hole))

    for _ in range(10_000):
        telemetry.tracer.start_span("regime").end()

    assert caplog.text.count("Spans are dropped") == 1
    await telemetry.stop(0.1)


@pytest.mark.parametrize("compression", ["gzip", "deflate", "none"])
async def test_spans_arrive_compressed_as_opentelemetrys_variable_asks(
    otlp: Receiver, compression: str, monkeypatch
):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", compression)
    telemetry = Telemetry.start(settings(otlp.http))
    telemetry.tracer.start_span("regime").end()

    assert await telemetry.stop(10) is True

    assert (await otlp.span("regime")).name == "regime"
    (headers,) = [each for each in otlp.headers if each["path"] == "/v1/traces"]
    assert headers.get("content-encoding", "none") == compression


async def test_batch_that_the_collector_cannot_take_yet_is_sent_again(otlp: Receiver):
    otlp.refusals = 1
    telemetry = Telemetry.start(settings(otlp.http))
    telemetry.tracer.start_span("regime").end()

    assert await telemetry.stop(10) is True

    assert [span.name for span in otlp.spans] == ["regime"]
    assert otlp.refusals == 0


async def test_without_an_endpoint_nothing_is_sent_and_spans_still_have_ids():
    before = set(threading.enumerate())
    telemetry = Telemetry.start(load({"ANNEX_ENV": "test"}))
    span = trace.get_tracer("functions").start_span("regime")

    assert set(threading.enumerate()) == before
    assert not span.is_recording()
    assert span.get_span_context().is_valid
    assert await telemetry.stop(1) is True


async def test_disabled_telemetry_makes_no_ids():
    telemetry = Telemetry.start(load({"ANNEX_ENV": "test", "OTEL_SDK_DISABLED": "true"}))

    assert not telemetry.tracer.start_span("regime").get_span_context().is_valid
    assert await telemetry.stop(1) is True


async def test_endpoint_that_cannot_work_stops_nothing():
    telemetry = Telemetry.start(settings("http://127.0.0.1:1"))
    telemetry.tracer.start_span("regime").end()

    async with asyncio.timeout(10):
        await telemetry.stop(5)


async def test_endpoint_that_looks_wrong_is_doubted_at_the_start(caplog):
    telemetry = Telemetry.start(settings("http://collector.railway.internal:4317/"))
    await telemetry.stop(0.1)

    assert "usually port 4318" in caplog.text


async def test_telemetry_that_cannot_be_set_up_is_off_and_says_so(monkeypatch, caplog):
    monkeypatch.setenv("OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER", "no-such-package")
    caplog.set_level(logging.WARNING)

    telemetry = Telemetry.start(settings("http://127.0.0.1:1"))

    assert "Telemetry is off" in caplog.text
    assert not telemetry.tracer.start_span("regime").is_recording()
    assert await telemetry.stop(1) is True


async def test_tracer_kept_by_a_library_follows_the_service_that_runs():
    kept = trace.get_tracer("library")
    first = Telemetry.start(load({"ANNEX_ENV": "test"}))
    during_first = kept.start_span("regime").get_span_context()
    second = Telemetry.start(load({"ANNEX_ENV": "test", "OTEL_SDK_DISABLED": "true"}))
    during_second = kept.start_span("regime").get_span_context()
    await first.stop(1)
    still_second = kept.start_span("regime").get_span_context()
    await second.stop(1)

    assert during_first.is_valid
    assert not during_second.is_valid
    assert not still_second.is_valid


async def test_share_of_new_traces_is_the_settings(otlp: Receiver):
    telemetry = Telemetry.start(settings(otlp.http, OTEL_TRACES_SAMPLER_ARG="0"))

    assert not telemetry.tracer.start_span("regime").is_recording()
    await telemetry.stop(5)

"""The settings of docs/vendors.md, against a receiver that demands what the vendor's docs demand."""

import asyncio
import base64
import gc
import logging
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from runtime.settings import SettingsError, load
from runtime.telemetry import Telemetry
from tests.fixtures.app import Compose
from tests.fixtures.sentry import Envelopes
from tests.fixtures.service import until
from tests.fixtures.telemetry import Receiver

PAGE = (Path(__file__).parents[3] / "docs" / "vendors.md").read_text("utf-8")
FAILS = '''"""Fail, each handler in its way."""

import logging

from runtime import Function, Unavailable, User

config = Function()
logger = logging.getLogger(__name__)


def deeper() -> None:
    """Fail where both are grouped."""
    raise ValueError("K1tt3n")


async def get(user: User) -> None:
    """Fail."""
    deeper()


async def put() -> None:
    """Be away, which is an answer and no bug."""
    raise Unavailable()


async def delete(user: User) -> str:
    """Report without an exception."""
    logger.error("desk %s is %s", "rates", "shut", extra={"token": "sk_live_a1b2c3d4e5"})
    return "done"
'''

DEMANDS: dict[str, dict[str, dict[str, str]]] = {
    # https://docs.sentry.io/concepts/otlp/
    "sentry-otlp": {
        f"/api/42/integration/otlp/v1/{signal}": {"x-sentry-auth": "sentry sentry_key=PUBLIC_KEY"}
        for signal in ("traces", "logs")
    },
    # https://docs.datadoghq.com/opentelemetry/setup/otlp_ingest/
    "datadog": {
        "/v1/traces": {"dd-api-key": "API_KEY", "compute_stats": "true"},
        "/v1/logs": {"dd-api-key": "API_KEY"},
    },
    # https://grafana.com/docs/grafana-cloud/send-data/otlp/
    "grafana": {
        f"/otlp/v1/{signal}": {"authorization": "Basic " + base64.b64encode(b"123456:glc_token").decode()}
        for signal in ("traces", "metrics", "logs")
    },
    # https://docs.honeycomb.io/send-data/opentelemetry/
    "honeycomb": {
        "/v1/traces": {"x-honeycomb-team": "INGEST_KEY"},
        "/v1/metrics": {"x-honeycomb-team": "INGEST_KEY", "x-honeycomb-dataset": "annex-metrics"},
        "/v1/logs": {"x-honeycomb-team": "INGEST_KEY"},
    },
    # https://langfuse.com/integrations/native/opentelemetry
    "langfuse": {
        "/api/public/otel/v1/traces": {
            "authorization": "Basic " + base64.b64encode(b"pk-lf:sk-lf").decode(),
            "x-langfuse-ingestion-version": "4",
        },
    },
}
"""Paths at which each vendor takes protobuf, with the headers that it asks for there."""


def lines_of(vendor: str) -> dict[str, str]:
    """Return the variables of a vendor's block on the page."""
    (block,) = re.findall(rf"```bash {vendor}\n(.*?)```", PAGE, re.DOTALL)
    return dict(line.split("=", 1) for line in block.splitlines())


def local(value: str, base: str) -> str:
    return re.sub(r"^https://[^/]+", base, value)


@pytest.fixture
def fails(tmp_path: Path) -> Path:
    (tmp_path / "fails.py").write_text(FAILS)
    return tmp_path


@pytest.mark.parametrize("vendor", DEMANDS)
async def test_a_vendor_gets_each_signal_at_its_path_with_its_headers(
    vendor: str, compose: Compose, fails: Path, otlp: Receiver
):
    told = {name: local(value, otlp.http) for name, value in lines_of(vendor).items()}
    async with compose(
        fails, RAILWAY_GIT_COMMIT_SHA="c0ffee", OTEL_METRIC_EXPORT_INTERVAL="1000", **told
    ) as caller:
        await caller.signed("GET", "/fails")
        paths = DEMANDS[vendor].keys()
        await otlp.until(lambda: paths <= {each["path"] for each in otlp.headers})

    for headers in otlp.headers:
        wanted = DEMANDS[vendor][headers["path"]]
        assert wanted.items() <= headers.items()
        assert headers["content-type"] == "application/x-protobuf"
    span = await otlp.span("GET /fails")
    assert span.attributes["http.route"] == "/fails"
    assert span.attributes["error.type"] == "ValueError"
    assert span.attributes["user.id"].startswith("user_")
    assert span.resource["service.version"] == "c0ffee"
    assert span.resource["deployment.environment.name"] == "test"


async def test_sentry_gets_one_event_an_error_with_route_release_environment_user_and_trace(
    compose: Compose, fails: Path, envelopes: Envelopes, otlp: Receiver
):
    assert urlsplit(lines_of("sentry")["SENTRY_DSN"]).path == "/42"
    told = {
        "SENTRY_DSN": envelopes.dsn,
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{otlp.http}/v1/traces",
        "RAILWAY_GIT_COMMIT_SHA": "c0ffee",
        "RAILWAY_ENVIRONMENT_NAME": "staging",
    }
    async with compose(fails, **told) as caller:
        answers = [await caller.signed(method, "/fails") for method in ("GET", "GET", "PUT", "DELETE")]
        await caller.anonymous("GET", "/fails")
        await asyncio.to_thread(until, lambda: len(envelopes.events) >= 3)

    assert [answer.status_code for answer in answers] == [500, 500, 503, 200]
    assert envelopes.others == []
    first, second, told_of = envelopes.events
    spans = [span for span in otlp.spans if span.name == "GET /fails" and span.status == 2]
    for event, span in zip((first, second), spans, strict=True):
        assert event["transaction"] == "GET /fails"
        assert (event["release"], event["environment"]) == ("c0ffee", "staging")
        assert event["user"]["id"] == span.attributes["user.id"]
        assert event["tags"]["function"] == "fails.py"
        assert event["contexts"]["trace"]["trace_id"] == span.trace_id
        (error,) = event["exception"]["values"]
        assert error["type"] == "ValueError"
        assert error["stacktrace"]["frames"][-1]["function"] == "deeper"
        assert not any("vars" in frame for frame in error["stacktrace"]["frames"])
    assert told_of["logentry"]["message"] == "desk %s is %s"
    assert b"sk_live" not in envelopes.raw


async def test_sentry_is_told_no_text_of_an_exception_where_the_log_is_not(
    compose: Compose, fails: Path, envelopes: Envelopes
):
    telemetry = Telemetry.start(load({"ANNEX_ENV": "production", "SENTRY_DSN": envelopes.dsn}))
    logger = logging.getLogger("desk")
    for _ in range(100):
        try:
            raise ValueError("".join(("K1tt", "3n")))
        except ValueError:
            logger.exception("refused", extra={"symbol": "SPY"})
    await telemetry.stop(10)

    assert 0 < len(envelopes.events) <= 20
    assert envelopes.events[0]["extra"]["symbol"] == "SPY"
    assert "K1tt3n" not in str(envelopes.events[0]["exception"])


async def test_sentry_is_told_of_a_forgotten_task_without_the_text_of_its_exception(envelopes: Envelopes):
    telemetry = Telemetry.start(load({"ANNEX_ENV": "production", "SENTRY_DSN": envelopes.dsn}))

    async def fail() -> None:
        raise ValueError("".join(("K1tt", "3n")))

    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    del task
    gc.collect()
    await telemetry.stop(10)

    (event,) = [each for each in envelopes.events if each["logger"] == "asyncio"]
    assert event["logentry"]["formatted"] == "Task exception was never retrieved"
    assert b"K1tt3n" not in envelopes.raw


async def test_a_dsn_without_the_package_is_one_warning_with_the_cure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    telemetry = Telemetry.start(load({"ANNEX_ENV": "test", "SENTRY_DSN": "https://key@sentry.example/1"}))
    await telemetry.stop(5)

    assert "uv add sentry-sdk" in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        *("https://sentry.example/1", "key@sentry.example/1", "https://key@host/", "https://k@h/x y/1"),
        *("https://key@host:port/1", "https://key@host:/1"),
    ],
)
def test_what_is_no_dsn_is_refused_by_name_without_its_key(text: str):
    with pytest.raises(SettingsError) as refusal:
        load({"SENTRY_DSN": text})

    assert [fault.name for fault in refusal.value.faults] == ["SENTRY_DSN"]
    assert text not in str(refusal.value)


ISOLATED = '''"""Fail in a process of its own."""

import logging

from runtime import Function, User

config = Function(isolate=True)


async def get(user: User) -> None:
    """Fail."""
    logging.getLogger(__name__).warning("about to fail", extra={"symbol": "SPY"})
    raise ValueError("K1tt3n")
'''


@pytest.mark.timeout(180)
async def test_an_isolated_function_sends_its_errors_and_lines_once(
    compose: Compose, tmp_path: Path, envelopes: Envelopes, otlp: Receiver
):
    (tmp_path / "alone.py").write_text(ISOLATED)
    told = {
        "SENTRY_DSN": envelopes.dsn,
        "OTEL_EXPORTER_OTLP_ENDPOINT": otlp.http,
        "OTEL_LOGS_EXPORTER": "otlp",
    }
    async with compose(tmp_path, **told) as caller:
        answer = await caller.signed("GET", "/alone")

    assert answer.status_code == 500
    await asyncio.to_thread(until, lambda: envelopes.events)
    await otlp.until(lambda: any(record.body == "about to fail" for record in otlp.logs), 60)
    span = await otlp.span("GET /alone", 60)
    (event,) = envelopes.events
    assert (event["transaction"], event["user"]["id"]) == ("GET /alone", span.attributes["user.id"])
    assert event["contexts"]["trace"]["trace_id"] == span.trace_id
    (line,) = [record for record in otlp.logs if record.body == "about to fail"]
    assert (line.trace_id, line.attributes["symbol"]) == (span.trace_id, "SPY")

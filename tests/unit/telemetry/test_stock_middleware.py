"""Our server span says of a request what the stock ASGI instrumentation says, attribute by attribute."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

# In a process of its own: the instrumentation reads its choice of conventions once.
REQUESTS = """
import asyncio, json, sys
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.config import Endpoint, Policy
from runtime.settings import load
from runtime.telemetry import Telemetry, Tracing

async def span_of(wanted, wrap):
    method, status = wanted["method"], wanted["status"]
    place = {"template": "/signals/{symbol}", "file": "signals/[symbol].py"}
    endpoint = Endpoint(method=method, policy=Policy(), **place)

    async def app(scope, receive, send):
        invocation = scope[SCOPE_KEY]
        invocation.endpoint, invocation.status = endpoint, status
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(message):
        pass

    exporter = InMemorySpanExporter()
    traced, close = wrap(app, SimpleSpanProcessor(exporter))
    invocation = Invocation(request_id="r-1", client="203.0.113.9", method=method, started=0)
    headers = [(name.encode(), value.encode("latin-1")) for name, value in wanted["headers"].items()]
    await traced({
        "type": "http", "http_version": wanted["version"], "method": method, "scheme": "https",
        "path": "/signals/SPY", "query_string": b"", "headers": headers,
        "client": ("203.0.113.9", 4711), "server": ("api.example.com", 8443), SCOPE_KEY: invocation,
    }, None, send)
    await close()
    (span,) = exporter.get_finished_spans()
    status = span.status.status_code.name
    return {"kind": span.kind.name, "status": status, "attributes": dict(span.attributes)}

def stock(app, processor):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    async def close():
        pass
    return OpenTelemetryMiddleware(app, tracer_provider=provider, exclude_spans=["send", "receive"]), close

def ours(app, processor):
    telemetry = Telemetry.start(load({"ANNEX_ENV": "test"}), processors=[processor])
    return Tracing(app, telemetry), telemetry.stop

async def main():
    wanted = json.loads(sys.argv[1])
    print(json.dumps([[await span_of(each, stock), await span_of(each, ours)] for each in wanted]))

asyncio.run(main())
"""
BROWSER = {"host": "api.example.com:8443", "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0"}


REQUEST = {"method": "GET", "version": "1.1", "status": 200, "headers": BROWSER}
CASES: list[dict[str, Any]] = [
    {},
    {"method": "POST", "version": "2", "status": 201},
    {"method": "BREW", "status": 405},
    {"status": 404},
    {"status": 500},
    {"status": 503},
    {"headers": {**BROWSER, "user-agent": "Googlebot/2.1"}},
    {"headers": {**BROWSER, "user-agent": "ü"}},
    {"headers": {"host": "api.example.com:8443"}},
]


@pytest.fixture(scope="module")
def spans() -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the span of the stock middleware and ours, for each case."""
    wanted = msgspec.json.encode([{**REQUEST, **case} for case in CASES]).decode()
    ran = subprocess.run(
        [sys.executable, "-c", REQUESTS, wanted],
        cwd=Path(__file__).parents[3],
        env={**os.environ, "OTEL_SEMCONV_STABILITY_OPT_IN": "http"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return msgspec.json.decode(ran.stdout, type=list[tuple[dict[str, Any], dict[str, Any]]])


# What differs, and why.
OURS_ALONE = {"http.route", "annex.function", "annex.request_id"}  # known to the file tree
STOCK_ALONE = {"client.port"}  # a caller's port identifies nobody
OF_THE_SERVER = {"server.address"}  # ours is the name that was asked for


@pytest.mark.parametrize("number", range(len(CASES)), ids=map(str, CASES))
def test_server_span_has_the_attributes_of_the_stock_one(spans: Any, number: int):
    stock, ours = spans[number]

    assert ours["attributes"].keys() - OURS_ALONE == stock["attributes"].keys() - STOCK_ALONE
    common = ours["attributes"].keys() & stock["attributes"].keys() - OF_THE_SERVER
    assert {key: ours["attributes"][key] for key in common} == {
        key: stock["attributes"][key] for key in common
    }
    assert ours["attributes"]["server.address"] == "api.example.com"
    assert (ours["kind"], ours["status"]) == (stock["kind"], stock["status"])

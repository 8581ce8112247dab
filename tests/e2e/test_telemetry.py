"""A real `annex serve` and what it lets be seen, with a collector that works and with those that do not."""

import asyncio
import json
import secrets
import signal
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from tests.fixtures.clerk import Issuer
from tests.fixtures.production import list_open_routes
from tests.fixtures.service import SAMPLE, Service, annex
from tests.fixtures.telemetry import Receiver

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
JSON = {"Content-Type": "application/json"}

LEAKY = '''"""A function that fails with what it was given."""

import logging

from msgspec import Struct

from runtime import Function, Request

config = Function(public=True)
logger = logging.getLogger(__name__)


class Wanted(Struct):
    """What to look for."""

    symbol: str


async def post(data: Wanted, request: Request, note: str = "") -> None:
    """Fail."""
    logger.info("looking", extra={"desk": "rates"})
    raise ValueError(f"{data.symbol} {note} {request.headers} {request.cookies}")
'''


def environment(issuer: Issuer, database_url: str, **more: str) -> dict[str, str]:
    return {
        "ANNEX_ENV": "production",
        "ANNEX_FUNCTIONS": str(SAMPLE / "functions"),
        "CLERK_JWT_KEY": issuer.pem,
        "CLERK_PUBLISHABLE_KEY": issuer.publishable_key,
        "DATABASE_URL": database_url,
        "HOST": "127.0.0.1",
        **more,
    }


@pytest.fixture
def service(tmp_path: Path, issuer: Issuer, database_url: str) -> Iterator[Service]:
    with annex("serve", tmp_path, environment(issuer, database_url)) as running:
        yield running


def lines(service: Service) -> list[dict[str, Any]]:
    return [json.loads(line) for line in service.log.splitlines()]


async def test_one_trace_goes_from_the_caller_through_a_collector_to_the_sql_and_the_log(
    tmp_path: Path, issuer: Issuer, database_url: str, otlp: Receiver, collector: str
):
    told = environment(issuer, database_url, OTEL_EXPORTER_OTLP_ENDPOINT=collector)
    with annex("serve", tmp_path, told) as service:
        async with httpx.AsyncClient(base_url=service.url) as http:
            signed = {"Authorization": f"Bearer {issuer.token()}", "traceparent": PARENT}
            answer = await http.get("/samples/NORTH", headers=signed)
        status = service.stop(signal.SIGTERM)

        server = await otlp.span("GET /samples/{symbol}")
        queries = [span for span in otlp.spans if "db.system.name" in span.attributes]
        access = [line for line in lines(service) if line["logger"] == "annex.access"]

    assert (answer.status_code, status) == (200, 0)
    assert (server.trace_id, server.parent_id) == (TRACE, "b7ad6b7169203331")
    assert server.attributes["annex.function"] == "samples/[symbol].py"
    assert server.attributes["annex.auth"] == "session"
    assert server.attributes["http.response.status_code"] == 200
    assert queries
    assert {span.trace_id for span in queries} == {TRACE}
    assert server.span_id in {span.parent_id for span in queries}
    assert [line["trace_id"] for line in access] == [TRACE]
    assert access[0]["function"] == "samples/[symbol].py"
    assert access[0]["user_id"] == server_user(issuer)
    await otlp.until(lambda: {"http.server.request.duration", "annex.auth.outcomes"} <= otlp.metrics.keys())
    assert {"db.client.connection.count", "db.client.operation.duration"} <= otlp.metrics.keys()


def server_user(issuer: Issuer) -> str:
    import jwt

    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    return str(claims["sub"])


@pytest.mark.parametrize("value", [b"\xff\\x", b"\xff\\u12", b"\x80" * 600])
async def test_header_bytes_that_crash_the_stock_middleware_get_an_ordinary_answer(
    service: Service, value: bytes
):
    names = (b"User-Agent", b"baggage", b"traceparent", b"X-Request-Id", b"Referer")
    fields = b"".join(name + b": " + value + b"\r\n" for name in names)
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(b"GET /me HTTP/1.1\r\nHost: annex\r\nConnection: close\r\n" + fields + b"\r\n")

    answer = await reader.read()
    writer.close()

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 401 ")
    assert json.loads(body)["code"] == "unauthenticated"


async def test_no_secret_of_any_input_reaches_any_sink(
    tmp_path: Path, issuer: Issuer, database_url: str, otlp: Receiver
):
    functions = tmp_path / "functions"
    functions.mkdir()
    (functions / "leaky.py").write_text(LEAKY)
    list_open_routes(functions)
    canary = f"canary{secrets.token_hex(8)}"
    told = environment(
        issuer,
        database_url,
        ANNEX_FUNCTIONS=str(functions),
        OTEL_EXPORTER_OTLP_ENDPOINT=otlp.http,
        OTEL_EXPORTER_OTLP_HEADERS=f"authorization={canary}",
        CLERK_SECRET_KEY=f"sk_test_{canary}",
        LOG_LEVEL="debug",
    )
    everywhere = {
        "Authorization": f"Bearer {canary}",
        "Cookie": f"__session={canary}; other={canary}",
        "X-Signal": canary,
        "baggage": f"user={canary}",
        "tracestate": f"v={canary}",
        "traceparent": PARENT,
        "Referer": f"https://app.example.com/?token={canary}",
    }
    query = {"note": canary, "__clerk_ticket": canary}
    with annex("serve", tmp_path, told) as service:
        async with httpx.AsyncClient(base_url=service.url, params=query, headers=everywhere) as http:
            answers = [
                await http.post("/leaky", json={"symbol": canary}),
                await http.post("/leaky", json={"symbol": [canary]}),
                await http.post("/leaky", content=f'{{"symbol": {canary}', headers=JSON),
                await http.post("/leaky", content=canary),
                await http.get("/leaky"),
                await http.get("/nowhere"),
            ]
        service.stop(signal.SIGTERM)
        await otlp.until(lambda: len(otlp.spans) == len(answers))
        log = service.log

    assert [answer.status_code for answer in answers] == [500, 400, 400, 415, 405, 404]
    (failed,) = [span for span in otlp.spans if span.attributes["http.response.status_code"] == 500]
    assert failed.events[0][1]["exception.type"] == "ValueError"
    assert '"desk":"rates"' in log
    for sink in (*otlp.raw, log.encode(), *(answer.content for answer in answers)):
        # Trace state is ours to pass on, to a collector as to anyone; it is no secret by its standard.
        assert canary.encode() not in sink.replace(f"v={canary}".encode(), b"")


@pytest.fixture
def wrong() -> Iterator[str]:
    """A server that is no collector: it answers everything with a page."""

    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_error(404)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


OVER_THE_QUEUE = 2100  # requests; more spans than the exporter keeps


@pytest.mark.parametrize(
    ("kind", "requests"),
    [("none", 50), ("dead", OVER_THE_QUEUE), ("black_hole", OVER_THE_QUEUE), ("wrong", 50)],
)
def test_service_does_not_notice_a_collector_that_fails(
    tmp_path: Path,
    issuer: Issuer,
    database_url: str,
    kind: str,
    requests: int,
    request: pytest.FixtureRequest,
):
    endpoint = {"none": "", "dead": "http://127.0.0.1:9"}.get(kind)
    if endpoint is None:
        endpoint = request.getfixturevalue(kind)
    told = environment(issuer, database_url, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, ANNEX_ACCESS_LOG_RATE="5")
    headers = {"Authorization": f"Bearer {issuer.token()}"}
    with annex("serve", tmp_path, told) as service, httpx.Client(base_url=service.url) as http:
        before = [http.get("/samples/NORTH", headers=headers).status_code for _ in range(50)]
        resident = service.worker.memory_info().rss
        after = [http.get("/", headers=headers).status_code for _ in range(requests)]
        grown = service.worker.memory_info().rss - resident
        status = service.stop(signal.SIGTERM)
        exporters = [
            line for line in lines(service) if line["logger"].startswith(("opentelemetry", "urllib3"))
        ]

    assert set(before + after) == {200}
    assert status == 0
    assert grown < 40 * 1024**2
    assert len(exporters) < 20
    assert "Traceback" not in service.log

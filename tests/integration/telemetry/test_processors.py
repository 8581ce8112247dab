"""Span processors of others (Sentry's, Langfuse's, Phoenix's way) take part as the SDK promises."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from runtime.asgi.invocation import SCOPE_KEY, Invocation
from runtime.config import Endpoint, Policy
from runtime.settings import load
from runtime.telemetry import Telemetry, Tracing
from tests.fixtures.app import Compose
from tests.fixtures.telemetry import Receiver

SIGNAL = Endpoint(method="GET", template="/signals/{symbol}", file="signals/[symbol].py", policy=Policy())


class Heard(SpanProcessor):
    """Notes what it hears, and keeps the spans.

    Attributes:
        calls: in order.
        ended: the spans.
        is_shut: whether it was shut down.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.ended: list[ReadableSpan] = []
        self.is_shut = False

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        assert isinstance(span, Span)
        self.calls.append(f"{span.name} starts")

    def on_end(self, span: ReadableSpan) -> None:
        assert isinstance(span, ReadableSpan)
        self.calls.append(f"{span.name} ends")
        self.ended.append(span)

    def shutdown(self) -> None:
        self.is_shut = True

    def one(self, name: str) -> ReadableSpan:
        (found,) = [span for span in self.ended if span.name == name]
        return found


class Baggage(SpanProcessor):
    """Copies baggage to spans, as `opentelemetry-processor-baggage` does."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        for key, value in baggage.get_all(parent_context).items():
            span.set_attribute(key, str(value))


class Langfuse(SpanProcessor):
    """Writes on a span at its start, and looks at its parent and its library."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        above = trace.get_current_span(parent_context)
        scope = span.instrumentation_scope
        span.set_attributes({"langfuse.environment": "test", "scope": scope.name if scope else ""})
        span.set_attribute("is_root", not above.get_span_context().is_valid)


@asynccontextmanager
async def service(endpoint: str = "", **given: Any) -> AsyncIterator[Telemetry]:
    environ = {"ANNEX_ENV": "test"} | ({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint} if endpoint else {})
    telemetry = Telemetry.start(load(environ), **given)
    yield telemetry
    await telemetry.stop(10)


async def request(telemetry: Telemetry, within: Any = None, fault: Exception | None = None) -> None:
    """Call `within()` during a request of ``/signals/SPY``."""

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        invocation: Invocation = scope[SCOPE_KEY]
        invocation.endpoint, invocation.auth, invocation.status = SIGNAL, "session", 200
        if within:
            within()
        if fault:
            raise fault

    invocation = Invocation(request_id="r-1", client="203.0.113.9", method="GET", started=0)
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "https",
        "path": "/signals/SPY",
        "query_string": b"",
        "headers": [(b"host", b"api.example.com"), (b"user-agent", b"curl/8.5")],
        "client": ("203.0.113.9", 4711),
        "server": ("10.0.0.5", 8080),
        SCOPE_KEY: invocation,
    }
    await Tracing(app, telemetry)(scope, None, None)  # type: ignore[arg-type]  # nothing is received or sent


def provider() -> TracerProvider:
    """Return the global provider as Sentry, Langfuse and Phoenix take it."""
    found = trace.get_tracer_provider()
    assert isinstance(found, TracerProvider)
    return found


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("exports", [True, False], ids=["with a collector", "without"])
async def test_processor_gets_a_request_whole_and_in_order(when: str, exports: bool, otlp: Receiver):
    heard = Heard()
    early = [heard] if when == "before" else []
    async with service(otlp.http if exports else "", processors=early) as telemetry:
        if when == "after":
            provider().add_span_processor(heard)
        await request(telemetry, lambda: trace.get_tracer("lib", "2").start_span("inner").end())

    assert heard.calls == ["GET starts", "inner starts", "inner ends", "GET /signals/{symbol} ends"]
    server, inner = heard.one("GET /signals/{symbol}"), heard.one("inner")
    assert server.kind is SpanKind.SERVER
    assert server.context is not None
    assert server.parent is None
    assert inner.parent == server.context
    assert dict(server.attributes or {}) == {
        "http.request.method": "GET",
        "url.scheme": "https",
        "url.path": "/signals/SPY",
        "network.protocol.version": "1.1",
        "server.address": "api.example.com",
        "server.port": 8080,
        "user_agent.original": "curl/8.5",
        "client.address": "203.0.113.9",
        "http.route": "/signals/{symbol}",
        "http.response.status_code": 200,
        "annex.function": "signals/[symbol].py",
        "annex.auth": "session",
        "annex.request_id": "r-1",
    }
    assert server.status.status_code is StatusCode.UNSET
    assert server.resource.attributes["service.name"] == "annex"
    assert server.instrumentation_scope is not None
    assert inner.instrumentation_scope is not None
    assert (server.instrumentation_scope.name, inner.instrumentation_scope.version) == ("annex", "2")
    assert (server.start_time or 0) <= (inner.start_time or 0) <= (inner.end_time or 0)
    assert (inner.end_time or 0) <= (server.end_time or 0)


async def test_exception_that_escapes_is_an_event_of_the_span():
    heard = Heard()
    async with service(processors=[heard]) as telemetry:
        with pytest.raises(ValueError, match="canary"):
            await request(telemetry, fault=ValueError("canary"))

    span = heard.one("GET /signals/{symbol}")
    (event,) = span.events
    assert (event.name, (event.attributes or {})["exception.type"]) == ("exception", "ValueError")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "ValueError"


async def test_processor_that_is_added_during_a_request_gets_it(otlp: Receiver):
    heard = Heard()
    async with service(otlp.http) as telemetry:
        await request(telemetry, lambda: provider().add_span_processor(heard))

    assert [span.name for span in heard.ended] == ["GET /signals/{symbol}"]
    assert (await otlp.span("GET /signals/{symbol}")).span_id == trace.format_span_id(
        heard.ended[0].context.span_id
    )


async def test_what_is_written_at_the_start_is_exported(otlp: Receiver):
    async with service(otlp.http) as telemetry:
        provider().add_span_processor(Baggage())
        provider().add_span_processor(Langfuse())

        def within() -> None:
            token = context.attach(baggage.set_baggage("tenant", "desk-7"))
            with trace.get_tracer("lib").start_as_current_span("inner"):
                pass
            context.detach(token)

        await request(telemetry, within)

    server, inner = await otlp.span("GET /signals/{symbol}"), await otlp.span("inner")
    assert (server.attributes["langfuse.environment"], server.attributes["scope"]) == ("test", "annex")
    assert (server.attributes["is_root"], inner.attributes["is_root"]) == (True, False)
    assert (inner.attributes["tenant"], inner.attributes["scope"]) == ("desk-7", "lib")
    assert "tenant" not in server.attributes
    assert server.attributes["http.route"] == "/signals/{symbol}"


async def test_exporters_of_others_work_behind_the_sdks_processors():
    simple, batch = InMemorySpanExporter(), InMemorySpanExporter()
    async with service() as telemetry:
        provider().add_span_processor(SimpleSpanProcessor(simple))
        provider().add_span_processor(BatchSpanProcessor(batch))
        await request(telemetry)
        assert provider().force_flush()
        names = [[span.name for span in each.get_finished_spans()] for each in (simple, batch)]

    assert names == [["GET /signals/{symbol}"]] * 2


async def test_processor_that_was_added_while_no_service_ran_is_the_next_ones():
    async with service():
        pass
    heard = Heard()
    provider().add_span_processor(heard)
    async with service() as telemetry:
        await request(telemetry)

    assert [span.name for span in heard.ended] == ["GET /signals/{symbol}"]
    assert heard.is_shut


async def test_provider_of_the_process_is_that_of_the_service(otlp: Receiver):
    async with service(otlp.http) as telemetry:
        assert provider().resource is telemetry.tracer_provider.resource  # type: ignore[attr-defined]
        trace.get_tracer("lib").start_span("flushed").end()
        assert provider().force_flush()
        assert (await otlp.span("flushed")).resource["service.name"] == "annex"
        provider().shutdown()
        trace.get_tracer("lib").start_span("late").end()

    assert provider().force_flush()
    assert [span.name for span in otlp.spans] == ["flushed"]
    assert "service.name" not in provider().resource.attributes


async def test_spans_nest_whoever_makes_them(otlp: Receiver):
    async with service(otlp.http) as telemetry:

        def within() -> None:
            tracer, listed = trace.get_tracer("lib"), {"list": [1]}
            with (
                tracer.start_as_current_span("sdk", attributes=listed),
                tracer.start_as_current_span("ours"),
            ):
                tracer.start_span("sdk below", attributes=listed).end()

        await request(telemetry, within)

    parents = {span.name: span.parent_id for span in otlp.spans}
    ids = {span.name: span.span_id for span in otlp.spans}
    assert parents == {
        "GET /signals/{symbol}": "",
        "sdk": ids["GET /signals/{symbol}"],
        "ours": ids["sdk"],
        "sdk below": ids["ours"],
    }
    assert len({span.trace_id for span in otlp.spans}) == 1


async def test_a_decorated_function_is_a_span_of_the_service_that_runs_when_it_is_called():
    tracer = trace.get_tracer("lib")

    @tracer.start_as_current_span("regime")
    async def regime() -> trace.Span:
        return trace.get_current_span()

    heard = Heard()
    async with service(processors=[heard]):
        span = await regime()

    assert [each.context for each in heard.ended] == [span.get_span_context()]


SENTRY_FIRST = """
import asyncio
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from runtime.settings import load
from runtime.telemetry import Telemetry
from tests.integration.telemetry.test_processors import Heard, request

heard, theirs = Heard(), TracerProvider(shutdown_on_exit=False)
theirs.add_span_processor(heard)
trace.set_tracer_provider(theirs)

async def main():
    own = Heard()
    telemetry = Telemetry.start(load({"ANNEX_ENV": "test"}), processors=[own])
    await request(telemetry, lambda: trace.get_tracer("lib").start_span("inner").end())
    late = Heard()
    trace.get_tracer_provider().add_span_processor(late)
    await request(telemetry)
    await telemetry.stop(5)
    names = ["inner", "GET /signals/{symbol}", "GET /signals/{symbol}"]
    assert [span.name for span in heard.ended] == names, heard.calls
    assert [span.name for span in own.ended] == names, own.calls
    assert [span.name for span in late.ended] == names[2:], late.calls
    assert heard.ended[0].parent == heard.ended[1].context

asyncio.run(main())
"""


def test_provider_that_was_set_before_the_service_started_shares_its_spans():
    ran = subprocess.run(
        [sys.executable, "-c", SENTRY_FIRST],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


RAISES = '''"""Answer, with spans of its own and of the database."""

from opentelemetry import trace
from runtime import Database, Function

config = Function(public=True)


async def get(db: Database) -> int:
    """Ask."""
    with trace.get_tracer(__name__).start_as_current_span("own") as span:
        span.set_attribute("symbol", "SPY")
        found: int = await db.fetch_value("SELECT 7")
    return found
'''


class Raising(SpanProcessor):
    """A processor of somebody else's, with a fault in every method."""

    def on_start(self, span: Any, parent_context: Any = None) -> None:
        raise ValueError("K1tt3n")

    def on_end(self, span: Any) -> None:
        raise ValueError("K1tt3n")

    def shutdown(self) -> None:
        raise ValueError("K1tt3n")

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        raise ValueError("K1tt3n")


async def test_a_processor_that_raises_costs_no_answer_and_no_other_processor_its_spans(
    compose: Compose, tmp_path: Path, database_url: str
):
    (tmp_path / "asks.py").write_text(RAISES)
    kept = InMemorySpanExporter()
    async with compose(tmp_path, DATABASE_URL=database_url) as caller:
        provider = caller.application.telemetry.tracer_provider
        assert isinstance(provider, TracerProvider)
        provider.add_span_processor(Raising())
        provider.add_span_processor(SimpleSpanProcessor(kept))
        answer = await caller.anonymous("GET", "/asks")
        names = {span.name for span in kept.get_finished_spans()}

    assert (answer.status_code, answer.json()) == (200, 7)
    assert {"own", "SELECT", "GET /asks"} <= names

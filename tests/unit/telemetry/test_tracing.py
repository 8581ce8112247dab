"""The server span of a request, whatever the request and the application do."""

import asyncio
import logging
import time
from typing import Any

import httpx
import pytest
from opentelemetry import baggage, trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

from runtime.asgi.invocation import SCOPE_KEY, Invocation, current
from runtime.asgi.messages import send_answer
from runtime.config import Endpoint, Policy
from runtime.settings import load
from runtime.telemetry import Telemetry, Tracing, record_exception
from shared.errors import DatabaseUnavailable
from tests.fixtures.telemetry import Spans

SIGNAL = Endpoint(method="GET", template="/signals/{symbol}", file="signals/[symbol].py", policy=Policy())


def served(app, telemetry, client="127.0.0.1"):
    """Put `app` behind tracing and behind the part of the shell that tracing needs."""
    tracing = Tracing(app, telemetry)

    async def shell(scope, receive, send):
        invocation = Invocation(
            request_id="r-1", client=client, method=scope["method"], started=time.perf_counter()
        )
        scope[SCOPE_KEY] = invocation

        async def seen(message):
            if message["type"] == "http.response.start":
                invocation.status = message["status"]
            await send(message)

        token = current.set(invocation)
        try:
            await tracing(scope, receive, seen)
        finally:
            current.reset(token)

    transport = httpx.ASGITransport(shell, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://annex.test")


async def signal(scope, receive, send):
    invocation = scope[SCOPE_KEY]
    invocation.endpoint, invocation.auth = SIGNAL, "session"
    invocation.deadline = asyncio.get_running_loop().time() + 20
    await send_answer(send, 200, [], b"{}")


def attributes_of(seen: Any) -> dict[str, Any]:
    return dict(seen.attributes)


def answering(status, error=""):
    async def app(scope, receive, send):
        scope[SCOPE_KEY].endpoint, scope[SCOPE_KEY].error = SIGNAL, error
        await send_answer(send, status, [], b"{}")

    return app


async def unmatched(scope, receive, send):
    await send_answer(send, 404, [], b"{}")


def raising(error):
    async def app(scope, receive, send):
        raise error

    return app


async def test_span_is_named_by_the_template_and_says_what_the_request_was(spans: Spans):
    async with served(signal, spans.telemetry) as http:
        await http.get("/signals/SPY?token=canary", headers={"Authorization": "Bearer canary"})

    span = spans.one("GET /signals/{symbol}")
    attributes = attributes_of(span)
    assert span.kind is SpanKind.SERVER
    assert 19 < attributes.pop("annex.deadline_left") <= 20
    assert attributes.pop("user_agent.original").startswith("python-httpx/")
    assert attributes == {
        "http.request.method": "GET",
        "http.route": "/signals/{symbol}",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "url.path": "/signals/SPY",
        "network.protocol.version": "1.1",
        "server.address": "annex.test",
        "server.port": 80,
        "client.address": "127.0.0.1",
        "annex.function": "signals/[symbol].py",
        "annex.auth": "session",
        "annex.request_id": "r-1",
    }
    assert span.status.status_code is StatusCode.UNSET
    assert "canary" not in span.to_json()


async def test_unmatched_request_is_named_by_its_method_alone(spans: Spans):
    async with served(unmatched, spans.telemetry) as http:
        await http.get("/wp-admin/4711")

    assert spans.names() == ["GET"]
    assert "http.route" not in attributes_of(spans.one("GET"))


async def test_unknown_method_is_http_and_other(spans: Spans):
    async with served(unmatched, spans.telemetry) as http:
        await http.request("BREW", "/signals")

    assert attributes_of(spans.one("HTTP"))["http.request.method"] == "_OTHER"


@pytest.mark.parametrize(
    ("status", "error", "error_type", "code"),
    [
        (500, "ValueError", "ValueError", StatusCode.ERROR),
        (503, "", "503", StatusCode.ERROR),
        (401, "unauthenticated", None, StatusCode.UNSET),
    ],
)
async def test_only_a_fault_of_the_server_is_an_error(spans: Spans, status, error, error_type, code):
    async with served(answering(status, error), spans.telemetry) as http:
        await http.get("/signals/SPY")

    span = spans.one("GET /signals/{symbol}")
    attributes = attributes_of(span)
    assert attributes.get("error.type") == error_type
    assert attributes.get("annex.error", "") == error
    assert span.status.status_code is code
    assert span.status.description is None


async def test_exception_that_escapes_is_an_event_without_its_message(spans: Spans):
    async with served(raising(ValueError("canary")), spans.telemetry) as http:
        await http.get("/signals/SPY")

    span = spans.one("GET")
    (event,) = span.events
    assert attributes_of(span)["error.type"] == "ValueError"
    assert (event.name, attributes_of(event)["exception.type"]) == ("exception", "ValueError")
    assert "test_tracing.py" in str(attributes_of(event)["exception.stacktrace"])
    assert "canary" not in span.to_json()


async def test_cut_off_request_is_an_error_without_an_exception(spans: Spans):
    started = asyncio.Event()

    async def hanging(scope, receive, send):
        started.set()
        await asyncio.Event().wait()

    async with served(hanging, spans.telemetry) as http:
        task = asyncio.create_task(http.get("/signals/SPY"))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    span = spans.one("GET")
    assert attributes_of(span)["error.type"] == "asyncio.exceptions.CancelledError"
    assert span.events == ()
    assert spans.telemetry.metrics.active == {}


async def test_exception_handed_over_by_a_handler_is_recorded_with_our_detail(spans: Spans):
    async def handled(scope, receive, send):
        record_exception(DatabaseUnavailable("The database cannot be reached."))
        await send_answer(send, 503, [], b"{}")

    async with served(handled, spans.telemetry) as http:
        await http.get("/signals/SPY")

    (event,) = spans.one("GET").events
    assert attributes_of(event)["exception.message"] == "The database cannot be reached."


async def test_exception_recorded_by_a_library_leaves_without_its_message(spans: Spans):
    tracer = trace.get_tracer("library")

    async def library(scope, receive, send):
        with pytest.raises(ValueError, match="canary"), tracer.start_as_current_span("inner"):
            raise ValueError("canary")
        await send_answer(send, 200, [], b"{}")

    async with served(library, spans.telemetry) as http:
        await http.get("/signals/SPY")

    span = spans.one("inner")
    (event,) = span.events
    assert attributes_of(event)["exception.type"] == "ValueError"
    assert span.status.status_code is StatusCode.ERROR
    assert "canary" not in span.to_json()


async def test_spans_of_a_function_hang_below_the_server_span(spans: Spans):
    async def with_query(scope, receive, send):
        with trace.get_tracer("annex.database").start_as_current_span("SELECT Signal"):
            await send_answer(send, 200, [], b"{}")

    async with served(with_query, spans.telemetry) as http:
        await http.get("/signals/SPY")

    query, server = spans.one("SELECT Signal"), spans.one("GET")
    assert query.parent is not None
    assert query.parent.span_id == server.context.span_id


PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_trusted_caller_is_continued(spans: Spans):
    async with served(unmatched, spans.telemetry, client="fd12::3") as http:
        await http.get("/", headers={"traceparent": PARENT})

    span = spans.one("GET")
    assert span.parent is not None
    assert (span.context.trace_id, span.parent.span_id) == (int(PARENT[3:35], 16), int(PARENT[36:52], 16))


async def test_unknown_caller_is_linked_and_cannot_switch_recording_off(spans: Spans):
    async with served(unmatched, spans.telemetry, client="203.0.113.9") as http:
        await http.get("/", headers={"traceparent": PARENT[:-1] + "0"})

    span = spans.one("GET")
    assert span.parent is None
    assert span.context.trace_id != int(PARENT[3:35], 16)
    assert [link.context.trace_id for link in span.links] == [int(PARENT[3:35], 16)]


async def test_baggage_is_not_taken_in(spans: Spans):
    carried = []

    async def looking(scope, receive, send):
        carried.append(dict(baggage.get_all()))
        await send_answer(send, 200, [], b"")

    async with served(looking, spans.telemetry) as http:
        await http.get("/", headers={"baggage": "user=canary", "traceparent": PARENT})

    assert carried == [{}]
    assert "canary" not in spans.one("GET").to_json()


@pytest.mark.parametrize("value", [b"\xff\\x", b"\xff\\u12", b"\\N{x}\xff", b"\x80" * 600])
async def test_hostile_header_bytes_do_not_change_the_answer(spans: Spans, value):
    names = [b"user-agent", b"host", b"baggage", b"traceparent", b"tracestate"]
    async with served(signal, spans.telemetry) as http:
        answer = await http.get("/signals/SPY", headers=[(name, value) for name in names])

    assert answer.status_code == 200
    assert spans.one("GET /signals/{symbol}").parent is None


async def test_each_member_of_a_failed_group_is_on_the_span_with_its_place(spans: Spans):
    async def no_reading() -> None:
        raise ValueError("canary")

    async def no_key() -> None:
        raise KeyError("canary")

    with spans.telemetry.tracer.start_as_current_span("reading"):
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(no_reading())
                group.create_task(no_key())
        except ExceptionGroup as error:
            record_exception(error)

    (event,) = spans.one("reading").events
    stacktrace = str((event.attributes or {})["exception.stacktrace"])
    for part in ("ValueError", "in no_reading", "KeyError", "in no_key"):
        assert part in stacktrace
    assert "canary" not in stacktrace


class Broken(SpanProcessor):
    """Fails at the start or at the end of every span."""

    def __init__(self, at: str) -> None:
        self._at = at

    def on_start(self, span, parent_context=None):
        if self._at == "start":
            raise RuntimeError("a telemetry fault")

    def on_end(self, span: ReadableSpan) -> None:
        if self._at == "end":
            raise RuntimeError("a telemetry fault")


@pytest.mark.parametrize("at", ["start", "end"])
async def test_fault_of_telemetry_is_logged_and_does_not_change_the_answer(at, caplog):
    telemetry = Telemetry.start(load({"ANNEX_ENV": "test"}), processors=[Broken(at)])
    async with served(signal, telemetry) as http:
        answer = await http.get("/signals/SPY")
    await telemetry.stop()

    assert answer.status_code == 200
    ours = [record for record in caplog.records if record.name.startswith("runtime.")]
    assert [record.levelname for record in ours if record.levelname != "INFO"] == ["ERROR"]
    assert telemetry.metrics.active == {}
    assert not trace.get_current_span().get_span_context().is_valid


async def test_caller_is_told_the_trace_in_development_alone(spans: Spans):
    invocations = []

    async def noting(scope, receive, send):
        invocations.append(scope[SCOPE_KEY])
        await send_answer(send, 200, [], b"")

    production = {"ANNEX_ENV": "production", "CLERK_JWT_KEY": "unused"}
    for environment in (production, {"ANNEX_ENV": "test", "OTEL_SDK_DISABLED": "true"}):
        silent = Telemetry.start(load(environment))
        async with served(noting, silent) as http:
            await http.get("/")
        await silent.stop()
    async with served(noting, spans.telemetry) as http:
        await http.get("/")

    context = spans.one("GET").context
    told = f"00-{trace.format_trace_id(context.trace_id)}-{trace.format_span_id(context.span_id)}-01"
    assert [invocation.response_headers for invocation in invocations] == [
        [],
        [],
        [(b"traceresponse", told.encode())],
    ]


async def test_request_without_an_invocation_is_served_untraced(spans: Spans, caplog):
    transport = httpx.ASGITransport(Tracing(unmatched, spans.telemetry))
    async with httpx.AsyncClient(transport=transport, base_url="http://annex.test") as http:
        answer = await http.get("/signals")

    assert answer.status_code == 404
    assert "not traced" in caplog.text


async def test_access_line_belongs_to_the_trace_and_knows_no_path(spans: Spans, caplog):
    caplog.set_level(logging.INFO)
    ids = []

    def note(record):
        ids.append(trace.get_current_span().get_span_context().trace_id)
        return True

    caplog.handler.addFilter(note)

    async with served(signal, spans.telemetry) as http:
        await http.get("/signals/SPY?token=canary")

    assert [record.getMessage() for record in caplog.records if record.name == "annex.access"] == [
        "GET /signals/{symbol} 200"
    ]
    assert spans.one("GET /signals/{symbol}").context.trace_id in ids


async def test_numbers_of_a_request_are_counted_by_route_and_outcome(spans: Spans):
    async with served(signal, spans.telemetry) as http:
        await http.get("/signals/SPY")
        await http.get("/signals/QQQ")

    points: Any = spans.telemetry.metrics.durations.metric().data.data_points
    (point,) = points
    assert (point.count, attributes_of(point)["http.route"]) == (2, "/signals/{symbol}")
    assert spans.telemetry.metrics.auth_outcomes == {"session": 2}

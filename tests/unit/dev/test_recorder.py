"""What is kept for the developer's page, and the waterfall made of it."""

import logging
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from runtime.dev.page.recorder import LINES, SPANS, TRACES, Lines, Recorder, Span, Trace
from runtime.dev.page.waterfall import waterfall
from runtime.settings import load
from runtime.telemetry import Telemetry


@pytest.fixture
async def recorder():
    recorder = Recorder()
    telemetry = Telemetry.start(load({"ANNEX_ENV": "test"}), processors=[recorder])
    yield recorder
    await telemetry.stop()


def request(name: str = "GET /signals/{symbol}", *queries: str) -> str:
    tracer = trace.get_tracer("tests")
    with tracer.start_as_current_span(name, kind=SpanKind.SERVER) as span:
        for query in queries:
            with tracer.start_as_current_span(query, kind=SpanKind.CLIENT):
                pass
    return trace.format_trace_id(span.get_span_context().trace_id)


async def test_request_is_kept_with_the_spans_below_it(recorder: Recorder):
    identity = request("GET /signals/{symbol}", "SELECT Signal")

    ((found, server),) = recorder.requests()
    kept = recorder.trace(identity)
    assert (found, server.name, server.is_entry) == (identity, "GET /signals/{symbol}", True)
    assert kept is not None
    assert [(span.name, span.kind) for span in kept.spans] == [
        ("GET /signals/{symbol}", "server"),
        ("SELECT Signal", "client"),
    ]
    assert kept.spans[1].parent == kept.spans[0].id


async def test_what_the_service_does_for_itself_is_no_request(recorder: Recorder):
    with trace.get_tracer("tests").start_as_current_span("db.pool.acquire"):
        pass

    assert recorder.requests() == []


async def test_newest_request_comes_first_and_the_oldest_goes(recorder: Recorder):
    identities = [request(f"GET /{number}") for number in range(TRACES + 5)]

    assert recorder.requests()[0][0] == identities[-1]
    assert len(recorder.requests()) == TRACES
    assert recorder.trace(identities[0]) is None


async def test_one_trace_cannot_take_all_the_memory(recorder: Recorder):
    identity = request("GET /", *["SELECT Signal"] * (SPANS + 50))

    kept = recorder.trace(identity)
    assert kept is not None
    assert len(kept.spans) == SPANS


async def test_listener_is_told_when_a_request_has_ended(recorder: Recorder):
    ended: list[str] = []
    recorder.subscribe(lambda found: ended.append(found.id))

    identity = request("GET /", "SELECT Signal")

    assert ended == [identity]


@pytest.fixture
def logger(recorder: Recorder):
    """A function's logger, whose lines the recorder gets."""
    logger, handler = logging.getLogger("functions.signals"), Lines(recorder)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield logger
    logger.setLevel(logging.NOTSET)
    logger.removeHandler(handler)


async def test_log_line_is_kept_with_its_trace_and_traceback(recorder: Recorder, logger: logging.Logger):
    with trace.get_tracer("tests").start_as_current_span("GET /") as span:
        try:
            raise ValueError("no reading of SPY")
        except ValueError:
            logger.exception("failed on %s", "SPY", extra={"desk": "rates"})
    logger.info("outside")

    identity = trace.format_trace_id(span.get_span_context().trace_id)
    (line,) = recorder.lines(identity)
    assert (line.level, line.message, line.extra) == ("ERROR", "failed on SPY", {"desk": "rates"})
    assert line.traceback.endswith("ValueError: no reading of SPY")
    assert [each.message for each in recorder.lines()] == ["failed on SPY", "outside"]


async def test_number_of_lines_is_bounded(recorder: Recorder, logger: logging.Logger):
    for number in range(LINES + 5):
        logger.info("%s", number)

    assert recorder.lines()[0].message == "5"
    assert recorder.serial == LINES + 5


async def test_bad_log_call_does_not_fail_the_function_that_made_it(
    recorder: Recorder, logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(logging, "raiseExceptions", False)

    logger.info("%d readings", "many")

    assert recorder.lines() == []


def span(identity: str, parent: str, start: float, duration: float, **changes: Any) -> Span:
    return Span(
        **{
            "id": identity,
            "parent": parent,
            "name": identity,
            "kind": "internal",
            "start": start,
            "duration": duration,
            "is_error": False,
            "is_entry": False,
            "attributes": {},
            "events": [],
            **changes,
        }
    )


def test_waterfall_puts_children_below_their_parents_on_one_scale():
    picture = waterfall(
        Trace(
            "t",
            [
                span("second", "root", 100.050, 50),
                span("root", "elsewhere", 100.0, 100, attributes={"http.response.status_code": 200}),
                span("first", "root", 100.0, 50),
                span("inner", "first", 100.025, 0.001),
            ],
        )
    )

    root, first, inner, second = picture.splitlines()
    assert root.split()[0] == "root"
    assert root.endswith("100.0 ms 200")
    assert root.count("━") == 36
    assert first.startswith("    first")
    assert first.count("━") == 18
    assert inner.startswith("      inner")
    assert inner.count("━") == 1
    assert second.index("━") - root.index("━") == 18


def test_waterfall_of_a_moment_is_still_a_picture():
    assert waterfall(Trace("t", [span("root", "", 100.0, 0)])).count("━") == 1


def test_waterfall_on_a_terminal_shows_faults_in_red():
    assert waterfall(Trace("t", [span("root", "", 1, 1, is_error=True)]), colour=True).startswith("\x1b[31m")

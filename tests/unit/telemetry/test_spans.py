"""A span of ours is the SDK's in all that a processor, an exporter or a library can see."""

import copy
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]  # it has no stubs
from hypothesis import given
from hypothesis import strategies as some
from opentelemetry.context import Context
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
    use_span,
)

from runtime.telemetry.queue import SpanQueue
from runtime.telemetry.spans.attributes import Facts
from runtime.telemetry.spans.encoding import encode
from runtime.telemetry.spans.span import FactSpan, finish
from runtime.telemetry.spans.tracers import Tracers
from shared.attributes import AttributeSet

ROOT = Context()
SERVICE = Resource({"service.name": "annex"})
LIMITS = SpanLimits(max_span_attributes=8, max_span_attribute_length=32, max_links=2, max_events=2)
STATEMENT: dict[str, Any] = {
    "db.system.name": "postgresql",
    "db.rows": 7,
    "db.share": 0.5,
    "db.ok": True,
}
READING = Facts(
    AttributeSet({"http.request.method": "GET"}),
    "/signals/SPY",
    "203.0.113.9",
    "r-1",
    AttributeSet({"http.route": "/signals/{symbol}", "http.response.status_code": 200}),
    4.5,
)
CLAIMED = Link(SpanContext(1, 2, is_remote=True))


def below(flags: int, *, is_remote: bool = True) -> Context:
    state = TraceState.from_header(["vendor=1"])
    parent = SpanContext(7, 8, is_remote=is_remote, trace_flags=TraceFlags(flags), trace_state=state)
    return set_span_in_context(NonRecordingSpan(parent), ROOT)


class Kept:
    """What a service exports, and what the SDK alone would.

    Attributes:
        spans: that were exported, of ours and of the SDK.
    """

    def __init__(self, ratio: float = 1) -> None:
        self.spans: list[Any] = []
        self.queue = SpanQueue(self, limit=100, batch=50, delay=60)
        self.provider = Tracers(SERVICE, ratio, LIMITS)
        self.provider.add_span_processor(self.queue)
        self.tracer = self.provider.get_tracer("annex", "1", "https://example.com/schema")
        stock = TracerProvider(
            ParentBasedTraceIdRatio(ratio), SERVICE, shutdown_on_exit=False, span_limits=LIMITS
        )
        stock.add_span_processor(self.queue)
        self.stock = stock.get_tracer("annex", "1", "https://example.com/schema")

    def export(self, spans: Any) -> None:
        self.spans += spans

    def shutdown(self) -> None:
        pass

    def exported(self) -> list[dict[str, Any]]:
        """Return the spans as the collector reads them, but for what is different every time."""
        self.queue.force_flush()
        return [told(span) for span in self.spans]


@pytest.fixture
def kept() -> Any:
    kept = Kept()
    yield kept
    kept.queue.shutdown()


def told(span: ReadableSpan | FactSpan) -> dict[str, Any]:
    message: dict[str, Any] = MessageToDict(ExportTraceServiceRequest.FromString(encode([span])))
    (one,) = message["resourceSpans"][0]["scopeSpans"][0]["spans"]
    for changing in ("spanId", "startTimeUnixNano", "endTimeUnixNano"):
        del one[changing]
    if "parentSpanId" not in one:
        del one["traceId"]
    for event in one.get("events", ()):
        del event["timeUnixNano"]
        event["attributes"] = [each for each in event["attributes"] if "stacktrace" not in each["key"]]
    one.get("attributes", []).sort(key=json.dumps)
    return message


def leave(_: Any) -> None:
    """Do nothing with a span."""


def use(span: Any) -> None:
    span.set_attribute("annex.early", "x" * 40)
    span.set_attributes({"one": 1, "two": [1, 2]})
    span.update_name("GET /signals/{symbol}")
    for number in range(3):
        span.add_event("retry", {"number": number})
        span.add_link(SpanContext(3, 4 + number, is_remote=True), {"why": "claimed"})
    span.record_exception(ValueError("no reading"), {"symbol": "SPY"})
    span.set_status(Status(StatusCode.ERROR, "no reading"))


USES = pytest.mark.parametrize("use", [leave, use], ids=["plain", "used"])


@USES
@pytest.mark.parametrize("parent", [ROOT, below(1), below(3), below(1, is_remote=False)])
@pytest.mark.parametrize("links", [(), (CLAIMED,), (CLAIMED,) * 3, (Link(CLAIMED.context, {"a": 1}),)])
def test_what_is_exported_is_what_the_sdk_would_export(
    kept: Kept, parent: Context, links: Any, use: Callable[[Span], None]
):
    for tracer in (kept.stock, kept.tracer):
        span = tracer.start_span("GET", parent, SpanKind.CLIENT, STATEMENT, links, 5)
        use(span)
        span.end(9)

    theirs, ours = kept.exported()
    assert ours == theirs


@pytest.mark.parametrize(
    "attributes",
    [
        None,
        {},
        STATEMENT,
        AttributeSet(STATEMENT),
        {"list": [1, 2]},
        {"long": "x" * 33},
        AttributeSet({"long": "x" * 33}),
        {str(number): number for number in range(9)},
        {"huge": 2**80, "small": -(2**63)},
        {"": 1},
        {7: 1},
        {"nothing": None},
    ],
    ids=str,
)
def test_attributes_are_cleaned_as_the_sdk_cleans_them(kept: Kept, attributes: Any):
    for tracer in (kept.stock, kept.tracer):
        tracer.start_span("SELECT", below(1), attributes=attributes).end()

    theirs, ours = kept.exported()
    assert ours == theirs


@USES
@pytest.mark.parametrize("failed", [True, False])
@pytest.mark.parametrize("links", [(), (CLAIMED,)])
def test_a_server_span_that_is_told_its_facts_is_the_sdks_with_these_attributes(
    kept: Kept, failed: bool, links: Any, use: Callable[[Span], None]
):
    for tracer in (kept.stock, kept.tracer):
        span = tracer.start_span("GET", below(1), SpanKind.SERVER, None, links)
        use(span)
        finish(span, "GET /signals/{symbol}", READING, failed=failed)

    theirs, ours = kept.exported()
    assert ours == theirs


def test_a_span_that_nobody_changed_stays_ours(kept: Kept):
    kept.tracer.start_span("GET", kind=SpanKind.SERVER).end()
    kept.exported()
    assert type(kept.spans[0]) is FactSpan


@given(some.integers(0, 2**128 - 1), some.floats(0, 1))
def test_new_traces_are_sampled_as_the_sdk_would(trace_id: int, ratio: float):
    tracer: Any = Tracers(SERVICE, ratio).get_tracer("annex")
    tracer.owner.take = leave

    span = tracer.start_span("GET", ROOT)

    ids = span.get_span_context()
    stock = ParentBasedTraceIdRatio(ratio).should_sample(None, ids.trace_id, "GET")
    assert span.is_recording() == stock.decision.is_recording()
    assert ids.trace_flags == stock.decision.is_sampled() | TraceFlags.RANDOM_TRACE_ID


@pytest.mark.parametrize("parent", [below(0), below(2), below(0, is_remote=False)])
def test_below_a_span_that_is_not_sampled_nothing_is_recorded(kept: Kept, parent: Context):
    theirs = kept.stock.start_span("GET", parent)
    mine = kept.tracer.start_span("GET", parent)

    ids, stock = mine.get_span_context(), theirs.get_span_context()
    assert not mine.is_recording()
    assert (ids.trace_id, ids.trace_flags, ids.trace_state) == (7, stock.trace_flags, stock.trace_state)


def test_a_span_that_nobody_takes_has_ids_and_is_not_recorded():
    span = Tracers(SERVICE).get_tracer("annex").start_span("GET")
    assert span.get_span_context().is_valid
    assert not span.get_span_context().trace_flags.sampled
    assert not span.is_recording()


@USES
def test_a_span_ends_once_and_cannot_be_changed_afterwards(kept: Kept, use: Callable[[Span], None]):
    span = kept.tracer.start_span("GET", start_time=1)
    use(span)
    span.end(5)
    before = encode(kept.spans)
    span.end(7)
    span.set_attribute("late", 1)
    finish(span, "GET /late", READING, failed=True)

    assert len(kept.exported()) == 1
    assert not span.is_recording()
    assert b"late" not in encode(kept.spans) + before


def test_status_that_a_function_declared_good_stays_good(kept: Kept):
    span = kept.tracer.start_span("GET")
    span.set_status(StatusCode.OK)
    finish(span, "GET", READING, failed=True)

    assert kept.exported()[0]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["status"] == {
        "code": "STATUS_CODE_OK"
    }


def test_attributes_are_those_at_its_start_whatever_becomes_of_the_mapping(kept: Kept):
    attributes = dict(STATEMENT)
    span = kept.tracer.start_span("SELECT", attributes=attributes)
    attributes["db.rows"] = 8
    assert dict(span.attributes) == STATEMENT  # type: ignore[attr-defined]  # the SDK's


def test_what_libraries_read_from_the_sdks_span_can_be_read(kept: Kept):
    span: Any = kept.tracer.start_span("SELECT", below(1), SpanKind.CLIENT, STATEMENT)
    span.add_event("retry")

    assert (span.name, span.kind, span.parent.span_id) == ("SELECT", SpanKind.CLIENT, 8)
    assert (span.events[0].name, span.status.status_code) == ("retry", StatusCode.UNSET)
    assert (span.resource, span.instrumentation_scope.name) == (SERVICE, "annex")
    assert json.loads(span.to_json())["attributes"] == STATEMENT


def test_a_copy_of_a_span_is_no_reason_to_make_one_of_the_sdk(kept: Kept):
    span = kept.tracer.start_span("SELECT")
    assert copy.copy(span).get_span_context() is span.get_span_context()


@pytest.mark.parametrize("enter", [lambda span: span, lambda span: use_span(span, end_on_exit=True)])
def test_an_exception_that_leaves_a_span_is_recorded_as_the_sdk_does(kept: Kept, enter: Any):
    for tracer in (kept.stock, kept.tracer):
        with pytest.raises(ValueError, match="SPY"), enter(tracer.start_span("regime")):
            raise ValueError("SPY")

    theirs, ours = kept.exported()
    assert ours == theirs


def test_an_exception_that_was_not_to_be_recorded_is_not(kept: Kept):
    for tracer in (kept.stock, kept.tracer):
        span = tracer.start_span("regime", record_exception=False, set_status_on_exception=False)
        with pytest.raises(ValueError, match="SPY"), span:
            raise ValueError("SPY")

    theirs, ours = kept.exported()
    assert ours == theirs


def test_two_threads_that_change_a_span_at_the_same_moment_change_the_same(kept: Kept):
    started = threading.Barrier(2)

    class Slow(SpanProcessor):
        def on_start(self, span: Any, parent_context: Context | None = None) -> None:
            if threading.current_thread() is other:
                started.wait(5)

    span: Any = kept.tracer.start_span("GET")
    other = threading.Thread(target=span.set_attribute, args=("other", 1))
    kept.provider.add_span_processor(Slow())
    other.start()
    started.wait(5)
    span.set_attribute("own", 1)
    other.join()

    assert dict(span.attributes) == {"other": 1, "own": 1}

"""Our server span is the SDK's in all that a processor, an exporter or a library can see."""

import json
from threading import Thread
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    NoOpTracer,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from runtime.telemetry.spans.attributes import Facts
from runtime.telemetry.spans.server import ServerSpan, Spans
from shared.attributes import AttributeSet

ROOT = Context()
READING = Facts(
    AttributeSet({"http.request.method": "GET"}),
    "/signals/SPY",
    "203.0.113.9",
    "r-1",
    AttributeSet({"http.route": "/signals/{symbol}", "http.response.status_code": 200}),
    4.5,
)


def below(flags: int) -> Context:
    state = TraceState.from_header(["vendor=1"])
    parent = SpanContext(7, 8, is_remote=True, trace_flags=TraceFlags(flags), trace_state=state)
    return set_span_in_context(NonRecordingSpan(parent), ROOT)


class Recorder:
    """A provider and what it exports."""

    def __init__(self, sampler: Any = None) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(
            sampler or ParentBased(ALWAYS_ON), shutdown_on_exit=False, span_limits=SpanLimits(max_links=4)
        )
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer = provider.get_tracer("annex", "1")

    def exported(self) -> dict[str, Any]:
        """Return the one span that was exported, but for what is different every time."""
        (span,) = self.exporter.get_finished_spans()
        told: dict[str, Any] = json.loads(span.to_json())
        told["context"]["span_id"] = told["start_time"] = told["end_time"] = ""
        if span.parent is None:
            told["context"]["trace_id"] = ""
        for event in told["events"]:
            event["timestamp"] = ""
        assert span.context is not None
        return {**told, "flags": span.context.trace_flags, "scope": span.instrumentation_scope}


def use(span: Any) -> None:
    span.set_attribute("annex.early", "yes")
    span.update_name("GET /signals/{symbol}")
    span.add_event("exception", {"exception.type": "ValueError"})
    span.add_link(SpanContext(3, 4, is_remote=True))
    span.set_status(StatusCode.ERROR)


@pytest.mark.parametrize("parent", [ROOT, below(1), below(3)], ids=["root", "sampled", "random"])
@pytest.mark.parametrize("links", [(), (Link(SpanContext(1, 2, is_remote=True)),)], ids=["alone", "linked"])
@pytest.mark.parametrize("used", [True, False], ids=["used", "plain"])
def test_what_is_exported_is_what_the_sdk_would_export(parent: Context, links: Any, used: bool):
    stock, ours = Recorder(), Recorder()

    theirs = stock.tracer.start_span("GET", context=parent, kind=SpanKind.SERVER, links=links)
    mine = Spans(ours.tracer).start("GET", parent=parent, links=links)
    for span in (theirs, mine):
        if used:
            use(span)
    theirs.set_attributes(READING.attributes())
    assert isinstance(mine, ServerSpan)
    mine.finish(mine.name, READING, failed=False)
    theirs.end()
    mine.end()

    assert ours.exported() == stock.exported()


@pytest.mark.parametrize(
    ("sampler", "parent"), [(TraceIdRatioBased(0), ROOT), (ParentBased(ALWAYS_ON), below(0))]
)
def test_a_trace_that_is_not_sampled_goes_on_unrecorded(sampler: Any, parent: Context):
    recorder = Recorder(sampler)

    theirs = recorder.tracer.start_span("GET", context=parent, kind=SpanKind.SERVER).get_span_context()
    mine = Spans(recorder.tracer).start("GET", parent=parent, links=())

    context = mine.get_span_context()
    assert not mine.is_recording()
    assert (context.trace_flags, context.trace_state) == (theirs.trace_flags, theirs.trace_state)
    assert (context.trace_id == 7) == (parent is not ROOT)


def test_a_tracer_of_another_make_makes_its_own_spans():
    assert not Spans(NoOpTracer()).start("GET", parent=ROOT, links=()).is_recording()


def test_a_span_ends_once_and_cannot_be_changed_afterwards():
    recorder = Recorder()
    span = Spans(recorder.tracer).start("GET", parent=ROOT, links=())
    span.end(1)
    span.end(2)
    span.set_attribute("late", 1)
    (exported,) = recorder.exporter.get_finished_spans()
    assert (exported.end_time, dict(exported.attributes or {})) == (1, {})
    assert isinstance(exported, Span)


def test_a_span_that_nobody_records_is_numbered_once_when_asked():
    span = Spans(Recorder(ALWAYS_OFF).tracer).start("GET", parent=ROOT, links=())
    asked = span.get_span_context()
    assert asked.is_valid
    assert not asked.trace_flags.sampled
    assert span.get_span_context() is asked


def test_what_was_told_after_the_end_is_not_taken():
    recorder = Recorder()
    span = Spans(recorder.tracer).start("GET", parent=ROOT, links=())
    assert isinstance(span, ServerSpan)
    span.end()
    span.finish("GET /late", READING, failed=True)
    assert (span.name, dict(span.attributes or {})) == ("GET", {})


def test_status_that_a_function_declared_good_stays_good():
    span = Spans(Recorder().tracer).start("GET", parent=ROOT, links=())
    assert isinstance(span, ServerSpan)
    span.set_status(StatusCode.OK)
    span.finish("GET", READING, failed=True)
    assert span.status.status_code is StatusCode.OK


def test_two_threads_that_look_first_at_the_same_moment_both_see_all_attributes():
    span: Any = Spans(Recorder().tracer).start("GET", parent=ROOT, links=())
    seen: list[int] = []
    other = Thread(target=lambda: seen.append(len(span.attributes)))

    class Slow(Facts):
        def attributes(self) -> dict[str, Any]:
            if not other.ident:
                other.start()
                other.join(0.05)
            return super().attributes()

    span.finish("GET", Slow(*READING), failed=False)
    seen.append(len(span.attributes))
    other.join()

    assert seen == [len(READING.attributes())] * 2

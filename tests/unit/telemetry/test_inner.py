"""A span within a request is the SDK's in all that a processor, an exporter or a library can see."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
    use_span,
)

from runtime.telemetry.process import ProcessProvider
from runtime.telemetry.spans.inner import InnerSpan, InnerSpans
from shared.attributes import AttributeSet

STATEMENT: dict[str, Any] = {
    "db.system.name": "postgresql",
    "db.rows": 7,
    "db.share": 0.5,
    "db.ok": True,
}
STATE = TraceState.from_header(["vendor=1"])


def below(flags: int, *, is_remote: bool = False) -> Context:
    context = SpanContext(7, 8, is_remote=is_remote, trace_flags=TraceFlags(flags), trace_state=STATE)
    return set_span_in_context(NonRecordingSpan(context), Context())


class Recorder:
    """A provider and what it exports."""

    def __init__(self, sampler: Any = None) -> None:
        self.exporter = InMemorySpanExporter()
        limits = SpanLimits(max_span_attributes=6, max_span_attribute_length=32)
        self.provider = TracerProvider(
            sampler or ParentBased(ALWAYS_ON), shutdown_on_exit=False, span_limits=limits
        )
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracer: Any = self.provider.get_tracer("annex.database", "1")

    def exported(self) -> dict[str, Any]:
        """Return the one span that was exported, but for what is different every time."""
        (span,) = self.exporter.get_finished_spans()
        told: dict[str, Any] = json.loads(span.to_json())
        told["context"]["span_id"] = told["end_time"] = ""
        for event in told["events"]:
            event["timestamp"] = ""
        assert span.context is not None
        lost = span.dropped_attributes, span.dropped_events, span.dropped_links
        return {**told, "flags": span.context.trace_flags, "scope": span.instrumentation_scope, "lost": lost}


def use(span: Span) -> None:
    span.set_attribute("annex.early", "x" * 40)
    span.set_attributes({"one": 1, "two": [1, 2]})
    span.add_event("exception", {"exception.type": "ValueError"})
    span.add_link(SpanContext(3, 4, is_remote=True))
    span.set_status(StatusCode.ERROR)


@pytest.mark.parametrize("parent", [below(1), below(3)], ids=["sampled", "random"])
@pytest.mark.parametrize("used", [True, False], ids=["used", "plain"])
@pytest.mark.parametrize("attributes", [STATEMENT, AttributeSet(STATEMENT)], ids=["mapping", "set"])
def test_what_is_exported_is_what_the_sdk_would_export(parent: Context, used: bool, attributes: Any):
    stock, ours = Recorder(), Recorder()

    theirs = stock.tracer.start_span("SELECT", parent, SpanKind.CLIENT, STATEMENT, start_time=5)
    mine = InnerSpans(ours.tracer).start("SELECT", parent, SpanKind.CLIENT, attributes, start_time=5)
    for span in (theirs, mine):
        if used:
            use(span)
        span.end()

    assert isinstance(mine, InnerSpan)
    assert ours.exported() == stock.exported()


@pytest.mark.parametrize(
    ("sampler", "parent", "attributes"),
    [
        (None, Context(), STATEMENT),
        (None, below(1, is_remote=True), STATEMENT),
        (ALWAYS_ON, below(0), STATEMENT),
        (ParentBased(ALWAYS_ON, local_parent_not_sampled=ALWAYS_ON), below(0), STATEMENT),
        (None, below(1), {"a": [1, 2]}),
        (None, below(1), {"a": "x" * 33}),
        (None, below(1), {str(number): number for number in range(7)}),
        (None, below(1), AttributeSet({"a": "x" * 33})),
        (None, below(1), {"": 1}),
        (None, below(1), {7: 1}),
    ],
    ids=[
        "root",
        "remote",
        "sampler",
        "half",
        "list",
        "long",
        "many",
        "long in a set",
        "no name",
        "number as name",
    ],
)
def test_what_is_not_plain_is_left_to_the_sdk(sampler: Any, parent: Context, attributes: Any):
    stock, ours = Recorder(sampler), Recorder(sampler)

    stock.tracer.start_span("SELECT", parent, attributes=attributes, start_time=5).end()
    mine = InnerSpans(ours.tracer).start("SELECT", parent, attributes=attributes, start_time=5)
    mine.end()

    assert not isinstance(mine, InnerSpan)
    theirs, told = stock.exported(), ours.exported()
    theirs["context"]["trace_id"] = told["context"]["trace_id"] = ""
    assert told == theirs


def test_below_a_span_that_is_not_sampled_nothing_is_recorded():
    recorder = Recorder(ParentBased(ALWAYS_OFF))
    span = InnerSpans(recorder.tracer).start("SELECT", parent=below(0))
    span.end()

    assert not span.is_recording()
    assert span.get_span_context().trace_state == STATE
    assert recorder.exporter.get_finished_spans() == ()


def test_it_ends_once_and_cannot_be_changed_afterwards():
    recorder = Recorder()
    span = InnerSpans(recorder.tracer).start("SELECT", parent=below(1), attributes=STATEMENT)
    span.end(9)
    span.end(10)
    span.set_attribute("late", 1)

    (exported,) = recorder.exporter.get_finished_spans()
    assert (exported.end_time, dict(exported.attributes or {})) == (9, STATEMENT)


def test_its_attributes_are_those_at_its_start_whatever_becomes_of_the_mapping():
    recorder, attributes = Recorder(), dict(STATEMENT)
    span = InnerSpans(recorder.tracer).start("SELECT", parent=below(1), attributes=attributes)
    attributes["db.rows"] = 8
    span.end()

    assert recorder.exported()["attributes"] == STATEMENT


@contextmanager
def serving(recorder: Recorder) -> Iterator[Any]:
    door = ProcessProvider()
    door.current = recorder.provider
    with use_span(NonRecordingSpan(SpanContext(7, 8, is_remote=False, trace_flags=TraceFlags(1)))):
        yield door.get_tracer("annex.database")


def test_the_tracer_of_the_process_makes_them_below_the_span_that_is_current():
    recorder = Recorder()
    with serving(recorder) as tracer:
        span = tracer.start_span("SELECT", kind=SpanKind.CLIENT, attributes=STATEMENT)
        span.end()

    assert isinstance(span, InnerSpan)
    assert recorder.exported()["parent_id"] == f"0x{8:016x}"


def test_the_tracer_of_the_process_leaves_spans_that_are_asked_for_more_to_the_sdk():
    recorder = Recorder()
    with serving(recorder) as tracer:
        assert not isinstance(tracer.start_span("SELECT", record_exception=False), InnerSpan)

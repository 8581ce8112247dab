"""The server span; its attributes are kept as facts until they are read."""

# ruff: noqa: SLF001  # the SDK's span has no other way in

from collections.abc import Sequence
from functools import cached_property
from time import time_ns
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import (
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
    StaticSampler,
)
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    TraceState,
    get_current_span,
)
from opentelemetry.trace.span import DEFAULT_TRACE_STATE

from runtime.telemetry.spans.attributes import Facts
from runtime.telemetry.spans.lean import SAMPLED, LeanSpan, context_of

_RANDOM = int(TraceFlags.RANDOM_TRACE_ID)
_FLAGS = tuple(TraceFlags(bits) for bits in range(4))
_ERROR = Status(StatusCode.ERROR)


class ServerSpan(LeanSpan):
    """A span of the SDK that is made by `Spans`."""

    _kind = SpanKind.SERVER
    facts: Facts | None = None

    def __init__(
        self,
        tracer: SdkTracer,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        links: Sequence[Link],
    ) -> None:
        self._tracer = tracer
        self._name = name
        self._context = context
        self._parent = parent
        self._start_time = time_ns()
        if links:
            self._links = self._new_links(links)

    def finish(self, name: str, facts: Facts, *, failed: bool) -> None:
        """Set name, attributes and status; the attributes are within the limits of a span already."""
        with self._lock:
            if self._end_time is not None:
                return
            self._name = name
            if self._looked_at is None:
                self.facts = facts
            else:
                self._looked_at._dict.update(facts.attributes())
            if failed and self._status.status_code is not StatusCode.OK:
                self._status = _ERROR

    def _named(self, facts: Facts) -> dict[str, Any]:
        return facts.attributes()


class UnseenSpan(NonRecordingSpan):
    """The root of a trace that is not recorded: its ids are made when they are read, as by a log line."""

    def __init__(self, ids: IdGenerator) -> None:
        self._ids = ids

    @cached_property
    def _context(self) -> SpanContext:  # type: ignore[override]  # the API sets it on each span
        ids = self._ids
        return _context(ids.generate_trace_id(), ids.generate_span_id(), _random_flag(ids), None)


class Spans:
    """Makes the server spans of one tracer; one that is not the SDK's makes its own."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._generator = tracer.id_generator if isinstance(tracer, SdkTracer) else None
        self._random = _random_flag(self._generator) if self._generator else 0
        self._always = _always(tracer.sampler) if isinstance(tracer, SdkTracer) else None

    def start(self, name: str, *, parent: Context, links: Sequence[Link]) -> Span:
        """Start what `Tracer.start_span` would for a server span."""
        tracer, ids, verdict = self._tracer, self._generator, self._always
        if ids is None or not isinstance(tracer, SdkTracer):
            return tracer.start_span(name, context=parent, kind=SpanKind.SERVER, links=links)
        above = get_current_span(parent).get_span_context() if parent else None
        if above is not None and above.is_valid:
            trace_id, flags, verdict = above.trace_id, above.trace_flags & _RANDOM, None
        elif verdict is not None and verdict.decision is Decision.DROP:
            return UnseenSpan(ids)
        else:
            trace_id, flags, above = ids.generate_trace_id(), self._random, None
        if verdict is None:
            verdict = tracer.sampler.should_sample(parent, trace_id, name, SpanKind.SERVER, None, links)
        if verdict.decision is Decision.RECORD_AND_SAMPLE:
            flags |= SAMPLED
        context = _context(trace_id, ids.generate_span_id(), flags, verdict.trace_state)
        if verdict.decision is Decision.DROP:
            return NonRecordingSpan(context)
        span = ServerSpan(tracer, name, context, above, links)
        tracer.span_processor.on_start(span, parent_context=parent)
        return span


def _random_flag(ids: IdGenerator) -> int:
    return _RANDOM if ids.is_trace_id_random() else 0


def _always(sampler: Sampler) -> SamplingResult | None:
    """Return what a sampler decides for every new trace, None when that depends on the trace."""
    root = sampler._root if isinstance(sampler, ParentBased) else sampler
    return root.should_sample(Context(), 0, "") if isinstance(root, StaticSampler) else None


def _context(trace_id: int, span_id: int, flags: int, state: TraceState | None) -> SpanContext:
    return context_of(trace_id, span_id, _FLAGS[flags], DEFAULT_TRACE_STATE if state is None else state)

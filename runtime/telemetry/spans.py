"""The server span as the SDK would make it, without what the SDK does in case it is used otherwise.

The SDK's tracer cleans every attribute anew, makes bounded lists for events and links that a request rarely
has, and copies the span at its end. Processors and exporters see a `Span` of the SDK all the same.
"""

# ruff: noqa: SLF001  # the SDK's span has no other way in

from collections.abc import Mapping, Sequence
from threading import Lock
from time import time_ns
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    get_current_span,
)

_RANDOM = TraceFlags.RANDOM_TRACE_ID
_UNSET = Status(StatusCode.UNSET)


class ServerSpan(SdkSpan):
    """A span of the SDK that is made by `Spans`."""

    def __init__(
        self,
        tracer: SdkTracer,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        links: Sequence[Link],
    ) -> None:
        # What `Span.__init__` sets, but for what is only read where it is made in another way.
        self._name = name
        self._context = context
        self._kind = SpanKind.SERVER
        self._instrumentation_info = tracer.instrumentation_info
        self._instrumentation_scope = tracer._instrumentation_scope
        self._parent = parent
        self._start_time = time_ns()
        self._end_time = None
        self._resource = tracer.resource
        self._status = _UNSET
        self._sampler = tracer.sampler
        self._record_exception = self._set_status_on_exception = True
        self._span_processor = tracer.span_processor
        self._limits = tracer._span_limits
        self._lock = Lock()
        self._events: Any = ()
        self._links: Any = self._new_links(links) if links else ()
        self._attributes: BoundedAttributes = BoundedAttributes(
            self._limits.max_span_attributes,
            immutable=False,
            max_value_len=self._limits.max_span_attribute_length,
        )

    def describe(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes that are clean: texts within the span's limit, numbers, booleans; few enough."""
        self._attributes._dict.update(attributes)

    def end(self, end_time: int | None = None) -> None:
        """End the span, and hand it over as it is: nothing can be changed any more."""
        with self._lock:
            if self._end_time is not None:
                return
            self._end_time = end_time or time_ns()
            self._attributes._immutable = True
        self._span_processor._on_ending(self)
        self._span_processor.on_end(self)

    def _add_event(self, event: Any) -> None:
        self._events = self._events or BoundedList(self._limits.max_events)
        super()._add_event(event)

    def _add_link(self, link: Any) -> None:
        self._links = self._links or BoundedList(self._limits.max_links)
        super()._add_link(link)


class Spans:
    """Makes the server spans of one tracer; one that is not the SDK's makes its own."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._generator = tracer.id_generator if isinstance(tracer, SdkTracer) else None

    def start(self, name: str, *, parent: Context, links: Sequence[Link]) -> Span:
        """Start what `Tracer.start_span` would for a server span."""
        tracer, ids = self._tracer, self._generator
        if not isinstance(tracer, SdkTracer) or ids is None:
            return tracer.start_span(name, context=parent, kind=SpanKind.SERVER, links=links)
        above = get_current_span(parent).get_span_context() if parent else INVALID_SPAN_CONTEXT
        if above.is_valid:
            trace_id, flags = above.trace_id, above.trace_flags & TraceFlags.RANDOM_TRACE_ID
        else:
            trace_id, flags = ids.generate_trace_id(), _RANDOM if ids.is_trace_id_random() else 0
        verdict = tracer.sampler.should_sample(parent, trace_id, name, SpanKind.SERVER, None, links)
        if verdict.decision is Decision.RECORD_AND_SAMPLE:
            flags |= TraceFlags.SAMPLED
        context = SpanContext(
            trace_id,
            ids.generate_span_id(),
            is_remote=False,
            trace_flags=TraceFlags(flags),
            trace_state=verdict.trace_state,
        )
        if verdict.decision is Decision.DROP:
            return NonRecordingSpan(context)
        span = ServerSpan(tracer, name, context, above if above.is_valid else None, links)
        tracer.span_processor.on_start(span, parent_context=parent)
        return span

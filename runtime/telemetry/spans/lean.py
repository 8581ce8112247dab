"""What server spans and spans within a request share: the SDK's span with less work.

The SDK gives each span a lock, bounded lists and copies of what is the tracer's, in case they are needed, and
copies the span at its end. Here they are shared, or made when needed. Processors and exporters see a `Span`
of the SDK.
"""

# ruff: noqa: SLF001  # the SDK's span has no other way in

from collections.abc import Mapping
from operator import attrgetter
from threading import RLock
from time import time_ns
from typing import Any, Self

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

SAMPLED = int(TraceFlags.SAMPLED)


def context_of(trace_id: int, span_id: int, flags: TraceFlags, state: TraceState) -> SpanContext:
    """Make a context of ids that need no check: they were generated, or belong to a valid parent."""
    return tuple.__new__(SpanContext, (trace_id, span_id, False, flags, state, True))


class LeanSpan(SdkSpan):
    """Sets per span only what differs from span to span.

    Attributes:
        facts: its attributes, until they are read or one more is set; None from then on.
    """

    facts: Any = None
    _looked_at: BoundedAttributes | None = None
    _tracer: SdkTracer
    _kind: SpanKind
    _context: SpanContext
    _status = Status(StatusCode.UNSET)
    _end_time: int | None = None
    _events: Any = ()
    _links: Any = ()
    _record_exception = _set_status_on_exception = True
    _lock: Any = RLock()  # one for all, held for a moment by a thread that changes a span or reads it first
    _resource: Any = property(attrgetter("_tracer.resource"))
    _instrumentation_scope: Any = property(attrgetter("_tracer._instrumentation_scope"))
    _instrumentation_info: Any = property(attrgetter("_tracer.instrumentation_info"))
    _sampler: Any = property(attrgetter("_tracer.sampler"))
    _span_processor: Any = property(attrgetter("_tracer.span_processor"))
    _limits: Any = property(attrgetter("_tracer._span_limits"))

    def __new__(cls, *_: Any) -> Self:  # noqa: D102  # the SDK's refuses all but its own
        return object.__new__(cls)

    @property
    def _attributes(self) -> BoundedAttributes:  # type: ignore[override]  # the SDK sets one on each span
        if self._looked_at is None:
            with self._lock:
                if self._looked_at is None:
                    self._looked_at = self._first_look()
                    self.facts = None
        return self._looked_at

    def _first_look(self) -> BoundedAttributes:
        """Return the facts as a mapping, whole: another thread may look at the same moment."""
        limits, facts = self._limits, self.facts
        attributes = BoundedAttributes(
            limits.max_span_attributes, immutable=False, max_value_len=limits.max_span_attribute_length
        )
        if facts is not None:
            attributes._dict.update(self._named(facts))
        attributes._immutable = self._end_time is not None
        return attributes

    def _named(self, facts: Any) -> Mapping[str, Any]:
        """Return the facts by name: clean, texts within the limit, few enough."""
        named: Mapping[str, Any] = facts
        return named

    def end(self, end_time: int | None = None) -> None:
        """End the span, and hand it over as it is: nothing can be changed any more."""
        with self._lock:
            if self._end_time is not None:
                return
            self._end_time = end_time or time_ns()
            if self._looked_at is not None:
                self._looked_at._immutable = True
        processor = self._tracer.span_processor
        processor._on_ending(self)
        processor.on_end(self)

    def _add_event(self, event: Any) -> None:
        self._events = self._events or BoundedList(self._limits.max_events)
        super()._add_event(event)

    def _add_link(self, link: Any) -> None:
        self._links = self._links or BoundedList(self._limits.max_links)
        super()._add_link(link)

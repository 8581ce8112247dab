"""A span within a request, such as a statement's, as the SDK would make it but without its precautions.

The SDK cleans every attribute twice, makes bounded lists and locks for what such a span hardly ever has, and
copies it at its end, which costs more than the wait for a statement. Here plain attributes are kept as they
are, and the rest is made when it is first needed. Processors and exporters see a `Span` of the SDK.
"""

# ruff: noqa: SLF001  # the SDK's span has no other way in

from collections.abc import Mapping
from operator import attrgetter
from threading import Lock
from time import time_ns
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    get_current_span,
)
from opentelemetry.util.types import AnyValue

_UNSET = Status(StatusCode.UNSET)
_NUMBERS = frozenset({int, float, bool})


class InnerSpan(SdkSpan):
    """A span of the SDK that is made by `start`."""

    # What `Span.__init__` sets on each: here it is the same for all, or the tracer's, or made when needed.
    _status = _UNSET
    _end_time: int | None = None
    _events: Any = ()
    _links: Any = ()
    _record_exception = _set_status_on_exception = True
    _lock = Lock()  # one for all: it is held for a moment, by whoever changes a span
    _resource: Any = property(attrgetter("_tracer.resource"))
    _instrumentation_scope: Any = property(attrgetter("_tracer._instrumentation_scope"))
    _instrumentation_info: Any = property(attrgetter("_tracer.instrumentation_info"))
    _sampler: Any = property(attrgetter("_tracer.sampler"))
    _span_processor: Any = property(attrgetter("_tracer.span_processor"))
    _limits: Any = property(attrgetter("_tracer._span_limits"))

    def __init__(  # noqa: PLR0913  # what differs from span to span
        self,
        tracer: SdkTracer,
        name: str,
        context: SpanContext,
        parent: SpanContext,
        *,
        kind: SpanKind,
        attributes: dict[str, Any],
        start_time: int,
    ) -> None:
        self._tracer = tracer
        self._name = name
        self._context = context
        self._parent = parent
        self._kind = kind
        self._attributes: Any = attributes
        self._start_time: int = start_time

    def set_attribute(self, key: str, value: AnyValue) -> None:
        """Set one attribute, unless the span has ended."""
        self.set_attributes({key: value})

    def set_attributes(self, attributes: Mapping[str, AnyValue]) -> None:
        """Set attributes, cleaned and counted by the SDK, unless the span has ended."""
        if not isinstance(self._attributes, BoundedAttributes):
            limits = self._limits
            self._attributes = BoundedAttributes(
                limits.max_span_attributes,
                self._attributes,
                immutable=False,
                max_value_len=limits.max_span_attribute_length,
            )
        super().set_attributes(attributes)

    def end(self, end_time: int | None = None) -> None:
        """End the span, and hand it over as it is: nothing can be changed any more."""
        with self._lock:
            if self._end_time is not None:
                return
            self._end_time = end_time or time_ns()
        processor = self._tracer.span_processor
        processor._on_ending(self)
        processor.on_end(self)

    def _add_event(self, event: Any) -> None:
        self._events = self._events or BoundedList(self._limits.max_events)
        super()._add_event(event)

    def _add_link(self, link: Any) -> None:
        self._links = self._links or BoundedList(self._limits.max_links)
        super()._add_link(link)


def start(
    tracer: SdkTracer,
    name: str,
    *,
    parent: Context | None = None,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Mapping[str, AnyValue] | None = None,
    start_time: int | None = None,
) -> Span:
    """Start what `Tracer.start_span` would; what it would have to clean it makes itself."""
    above, told = get_current_span(parent).get_span_context(), dict(attributes or {})
    if above.is_remote or not (
        above.is_valid and _is_simple(tracer) and _are_plain(told, tracer._span_limits)
    ):
        return tracer.start_span(name, parent, kind, attributes, start_time=start_time)
    context = SpanContext(
        above.trace_id,
        tracer.id_generator.generate_span_id(),
        is_remote=False,
        trace_flags=above.trace_flags,
        trace_state=above.trace_state,
    )
    if not above.trace_flags.sampled:
        return NonRecordingSpan(context)
    span = InnerSpan(
        tracer, name, context, above, kind=kind, attributes=told, start_time=start_time or time_ns()
    )
    tracer.span_processor.on_start(span, parent)
    return span


def _is_simple(tracer: SdkTracer) -> bool:
    """Whether a span with a parent of this process is recorded if and only if the parent is."""
    sampler = tracer.sampler
    return (
        isinstance(sampler, ParentBased)
        and sampler._local_parent_sampled is ALWAYS_ON
        and sampler._local_parent_not_sampled is ALWAYS_OFF
        and tracer._is_enabled()
    )


def _are_plain(attributes: dict[str, Any], limits: Any) -> bool:
    """Whether the SDK would take the attributes as they are."""
    longest = limits.max_span_attribute_length
    for value in attributes.values():
        if type(value) is str:
            if longest is not None and len(value) > longest:
                return False
        elif type(value) not in _NUMBERS:
            return False
    return limits.max_span_attributes is None or len(attributes) <= limits.max_span_attributes

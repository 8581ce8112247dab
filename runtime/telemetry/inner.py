"""A span within a request, such as a statement's, as the SDK would make it but without its precautions.

The SDK cleans every attribute twice, which with the rest of its care costs more than the wait for a
statement. Here plain attributes are kept as they are until somebody sets one more.
"""

# ruff: noqa: SLF001  # the SDK's span has no other way in

from collections.abc import Mapping
from time import time_ns
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    get_current_span,
)
from opentelemetry.util.types import AnyValue

from runtime.telemetry.lean import LeanSpan

_NUMBERS = frozenset({int, float, bool})


class InnerSpan(LeanSpan):
    """A span of the SDK that is made by `start`."""

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

"""A span within a request, such as a statement's, as the SDK would make it but without its precautions.

The SDK cleans every attribute twice, which with the rest of its care costs more than the wait for a
statement. Here plain attributes are kept as they are until somebody sets one more.
"""

# ruff: noqa: SLF001  # the SDK's span has no other way in

from collections.abc import Mapping
from functools import lru_cache
from time import time_ns
from typing import Any

from opentelemetry.context import Context, get_current
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, Span, SpanContext, SpanKind
from opentelemetry.trace.propagation import _SPAN_KEY
from opentelemetry.util.types import AnyValue

from runtime.telemetry.lean import SAMPLED, LeanSpan, context_of
from shared.attributes import AttributeSet

_NUMBERS = frozenset({int, float, bool})
_NOTHING = AttributeSet()


class InnerSpan(LeanSpan):
    """A span of the SDK that is made by `InnerSpans`."""

    def __init__(  # noqa: PLR0913, PLR0917  # what differs from span to span
        self,
        tracer: SdkTracer,
        name: str,
        context: SpanContext,
        parent: SpanContext,
        kind: SpanKind,
        attributes: Mapping[str, Any],
        start_time: int,
    ) -> None:
        self._tracer = tracer
        self._name = name
        self._context = context
        self._parent = parent
        self._kind = kind
        self.facts = attributes
        self._start_time: int = start_time


class InnerSpans:
    """Makes the spans of one tracer of the SDK."""

    def __init__(self, tracer: SdkTracer) -> None:
        self._tracer = tracer
        self._is_simple = _is_simple(tracer)
        self._generate_span_id = tracer.id_generator.generate_span_id
        self._are_known_plain = lru_cache(512)(self._are_plain)

    def start(
        self,
        name: str,
        parent: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Mapping[str, AnyValue] | None = None,
        start_time: int | None = None,
    ) -> Span:
        """Start what `Tracer.start_span` would; what it would have to clean it makes itself."""
        tracer = self._tracer
        holder: Any = (get_current() if parent is None else parent).get(_SPAN_KEY, INVALID_SPAN)
        above: SpanContext = holder.get_span_context()
        facts: Any = attributes
        if type(attributes) is AttributeSet:
            is_plain = self._are_known_plain(attributes)
        else:
            facts = dict(attributes) if attributes else _NOTHING
            is_plain = self._are_plain(facts)
        if above.is_remote or not (above.is_valid and self._is_simple and is_plain):
            return tracer.start_span(name, parent, kind, attributes, start_time=start_time)
        flags = above.trace_flags
        context = context_of(above.trace_id, self._generate_span_id(), flags, above.trace_state)
        if not flags & SAMPLED:
            return NonRecordingSpan(context)
        span = InnerSpan(tracer, name, context, above, kind, facts, start_time or time_ns())
        tracer.span_processor.on_start(span, parent)
        return span

    def _are_plain(self, attributes: Mapping[str, Any]) -> bool:
        """Whether the SDK would take the attributes as they are."""
        limits = self._tracer._span_limits
        longest = limits.max_span_attribute_length
        for value in attributes.values():
            if type(value) is str:
                if longest is not None and len(value) > longest:
                    return False
            elif type(value) not in _NUMBERS:
                return False
        return limits.max_span_attributes is None or len(attributes) <= limits.max_span_attributes


def _is_simple(tracer: SdkTracer) -> bool:
    """Whether a span with a parent of this process is recorded if and only if the parent is."""
    sampler = tracer.sampler
    return (
        isinstance(sampler, ParentBased)
        and sampler._local_parent_sampled is ALWAYS_ON
        and sampler._local_parent_not_sampled is ALWAYS_OFF
        and tracer._is_enabled()
    )

"""A span within a request, such as a statement's.

The SDK cleans every attribute twice, which with its other checks costs more than the wait for a statement.
Here plain attributes are kept as they are until another one is set.
"""

# ruff: noqa: SLF001  # the SDK's span has no other way in

import sys
from collections.abc import Mapping
from time import time_ns
from typing import Any

from opentelemetry.context import _RUNTIME_CONTEXT, Context
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, Span, SpanContext, SpanKind
from opentelemetry.trace.propagation import _SPAN_KEY
from opentelemetry.util.types import AnyValue

from runtime.telemetry.spans.lean import SAMPLED, LeanSpan, context_of
from shared.attributes import AttributeSet

_PLAIN = frozenset({str, int, float, bool})
_NOTHING = AttributeSet()
_ENDLESS = sys.maxsize
_current = _RUNTIME_CONTEXT.get_current
_new = object.__new__


class InnerSpan(LeanSpan):
    """A span of the SDK that is made by `InnerSpans`."""


class InnerSpans:
    """Makes the spans of one tracer of the SDK."""

    def __init__(self, tracer: SdkTracer) -> None:
        limits = tracer._span_limits
        self._tracer = tracer
        self._is_simple = _is_simple(tracer)
        self._generate_span_id = tracer.id_generator.generate_span_id
        self._longest = (
            _ENDLESS if limits.max_span_attribute_length is None else limits.max_span_attribute_length
        )
        self._most = _ENDLESS if limits.max_span_attributes is None else limits.max_span_attributes

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
        holder: Any = (_current() if parent is None else parent).get(_SPAN_KEY, INVALID_SPAN)
        above: SpanContext = holder.get_span_context()
        facts = attributes if type(attributes) is AttributeSet else _plain(attributes)
        trace_id, _, is_remote, flags, state, is_valid = above  # a tuple; each of its names is a call
        if (
            facts is None
            or facts.longest > self._longest
            or len(facts) > self._most
            or is_remote
            or not (is_valid and self._is_simple)
        ):
            return tracer.start_span(name, parent, kind, attributes, start_time=start_time)
        context = context_of(trace_id, self._generate_span_id(), flags, state)
        if not flags & SAMPLED:
            return NonRecordingSpan(context)
        span = _new(InnerSpan)
        span._tracer = tracer
        span._name = name
        span._context = context
        span._parent = above
        span._kind = kind
        span.facts = facts
        span._start_time = start_time or time_ns()
        tracer.span_processor.on_start(span, parent)
        return span


def _plain(attributes: Mapping[str, Any] | None) -> AttributeSet | None:
    """Return the attributes, None if the SDK would not take them as they are."""
    if not attributes:
        return _NOTHING
    for key, value in attributes.items():
        if type(value) not in _PLAIN or type(key) is not str or not key:
            return None
    return AttributeSet(attributes)


def _is_simple(tracer: SdkTracer) -> bool:
    """Whether a span with a parent of this process is recorded if and only if the parent is."""
    sampler = tracer.sampler
    return (
        isinstance(sampler, ParentBased)
        and sampler._local_parent_sampled is ALWAYS_ON
        and sampler._local_parent_not_sampled is ALWAYS_OFF
        and tracer._is_enabled()
    )

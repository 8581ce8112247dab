"""The SDK's provider and tracers, which make a `FactSpan` wherever one is enough."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from time import time_ns
from typing import Any, override

from opentelemetry import trace
from opentelemetry.context import Context, get_current
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio, TraceIdRatioBased
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
)
from opentelemetry.trace.span import DEFAULT_TRACE_STATE
from opentelemetry.util.types import Attributes

from runtime.telemetry.queue import SpanQueue
from runtime.telemetry.spans.guarded import guarded
from runtime.telemetry.spans.span import FactSpan
from shared.attributes import AttributeSet

_PLAIN = frozenset({str, int, float, bool})
_NOTHING = AttributeSet()
_LOW_BITS = TraceIdRatioBased.TRACE_ID_LIMIT
_SAMPLED, _RANDOM = int(TraceFlags.SAMPLED), int(TraceFlags.RANDOM_TRACE_ID)
_FLAGS = tuple(TraceFlags(bits) for bits in range(4))
_known: ContextVar[SpanContext | None] = ContextVar("known_ids", default=None)


class Tracers(sdk.TracerProvider):
    """The tracers of one service. As long as nobody takes spans, they only have ids.

    Attributes:
        ratio: share of new traces that is recorded; below a parent the parent's flag decides.
        limits: of its spans.
        take: queues an ended `FactSpan` for our exporter, None without one.
        is_watched: processors of others see every span, so that each is the SDK's from its start.
    """

    def __init__(self, resource: Resource, ratio: float = 1, limits: sdk.SpanLimits | None = None) -> None:
        self.ratio = ratio
        self.limits = limits or sdk.SpanLimits()
        self.take: Callable[[FactSpan], None] | None = None
        self.is_watched = False
        self._made: dict[InstrumentationScope, Tracer] = {}
        super().__init__(
            ParentBasedTraceIdRatio(ratio),
            resource,
            shutdown_on_exit=False,  # the lifespan owns the end; atexit never runs under SIGTERM
            id_generator=_Ids(),
            span_limits=self.limits,
        )

    def add_span_processor(self, span_processor: sdk.SpanProcessor) -> None:
        """Hand every span that starts or ends from now on to one more processor."""
        if isinstance(span_processor, SpanQueue) and self.take is None:
            super().add_span_processor(span_processor)
            self.take = span_processor.put
        else:
            super().add_span_processor(guarded(span_processor))
            self.is_watched = True

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> trace.Tracer:
        """Return the tracer of a library."""
        named = instrumenting_module_name, instrumenting_library_version or "", schema_url, attributes
        stock, scope = super().get_tracer(*named), InstrumentationScope(*named)
        if not isinstance(stock, sdk.Tracer):  # the SDK is disabled
            return stock
        return self._made.get(scope) or self._made.setdefault(scope, Tracer(self, stock, scope))


class Tracer(sdk.Tracer):
    """A tracer of the SDK whose spans are no more than they have to be.

    Attributes:
        owner: its provider.
        scope: the library it belongs to.
    """

    def __init__(self, owner: Tracers, stock: sdk.Tracer, scope: InstrumentationScope) -> None:
        super().__init__(
            stock.sampler,
            stock.resource,
            stock.span_processor,
            stock.id_generator,
            stock.instrumentation_info,
            owner.limits,
            scope,
        )
        self.scope = scope
        self.owner = owner
        self._random = RandomIdGenerator()
        self._bound = TraceIdRatioBased.get_bound_for_rate(owner.ratio)
        self._most, self._longest, self._most_links = (
            sys.maxsize if limit is None else limit
            for limit in (
                owner.limits.max_span_attributes,
                owner.limits.max_span_attribute_length,
                owner.limits.max_links,
            )
        )

    @override
    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> Span:
        """Start a span; the SDK makes those that are watched, or that have more than plain attributes."""
        around = get_current() if context is None else context
        parent = trace.get_current_span(around).get_span_context() if around else None
        owner = self.owner
        is_taken = owner.take is not None or owner.is_watched
        if parent is None or not parent.is_valid:
            if not is_taken:
                return _UnseenSpan(self._random)
            trace_id, parent, state = self._random.generate_trace_id(), None, DEFAULT_TRACE_STATE
            flags = _RANDOM | (trace_id & _LOW_BITS < self._bound)
        else:
            trace_id, _, _, flags, state, _ = parent  # a tuple; each of its names is a call
        if not is_taken:
            flags &= _RANDOM
        ids = SpanContext(trace_id, self._random.generate_span_id(), False, _FLAGS[flags & 3], state)  # noqa: FBT003  # is_remote
        if not flags & _SAMPLED:
            return NonRecordingSpan(ids)
        facts = attributes if type(attributes) is AttributeSet else _plain(attributes)
        if (
            owner.is_watched
            or facts is None
            or facts.longest > self._longest
            or len(facts) > self._most
            or (links and not self._are_plain(links))
            or not (record_exception and set_status_on_exception)
        ):
            how = record_exception, set_status_on_exception
            return self._by_the_sdk(ids, name, around, kind, attributes, links, start_time, *how)
        began = time_ns() if start_time is None else start_time
        return FactSpan(self, around, name, ids, parent, kind, facts, tuple(links or ()), began)

    def whole(self, span: FactSpan) -> Span:
        """Start the SDK's span that stands in for one of ours."""
        return self._by_the_sdk(
            span.context, span.name, span.around, span.kind, span.facts, span.linked, span.start_time
        )

    def _are_plain(self, links: Sequence[Link]) -> bool:
        return len(links) <= self._most_links and all(
            link.context.is_valid and not link.attributes for link in links
        )

    def _by_the_sdk(self, ids: SpanContext, *args: Any, **kwargs: Any) -> Span:
        token = _known.set(ids)
        try:
            return super().start_span(*args, **kwargs)
        finally:
            _known.reset(token)


class _UnseenSpan(NonRecordingSpan):
    """The root of a trace that nobody takes: its ids are made when they are read, as by a log line."""

    def __init__(self, random: RandomIdGenerator) -> None:
        super().__init__(INVALID_SPAN_CONTEXT)
        self._random = random
        self._ids: SpanContext | None = None

    def get_span_context(self) -> SpanContext:
        if self._ids is None:
            trace_id, span_id = self._random.generate_trace_id(), self._random.generate_span_id()
            self._ids = SpanContext(trace_id, span_id, False, _FLAGS[_RANDOM])  # noqa: FBT003  # is_remote
        return self._ids


class _Ids(RandomIdGenerator):
    """The ids that were chosen for the span before the SDK was asked to make it."""

    def generate_trace_id(self) -> int:
        known = _known.get()
        return super().generate_trace_id() if known is None else known.trace_id

    def generate_span_id(self) -> int:
        known = _known.get()
        _known.set(None)  # a processor that hears of the start may start spans of its own
        return super().generate_span_id() if known is None else known.span_id


def _plain(attributes: Mapping[str, Any] | None) -> AttributeSet | None:
    """Return the attributes, None if the SDK would not take them as they are."""
    if not attributes:
        return _NOTHING
    for key, value in attributes.items():
        kind = type(value)
        if kind not in _PLAIN or type(key) is not str or not key or (kind is int and value.bit_length() > 63):
            return None
    return AttributeSet(attributes)

"""The global tracer provider of OpenTelemetry's API, which delegates to the service that runs now.

The API lets a provider be set once, and libraries keep the tracers they were given; this one can be switched
to another service (tests, hot swap) and away from a closed one. Where a library has set a provider of the SDK
first, that one stays, and both see each other's spans.
"""

from collections.abc import Sequence
from functools import cache
from typing import Self, cast, override

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider, NoOpMeterProvider
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import Link, NoOpTracer, NoOpTracerProvider, Span, SpanKind, Tracer, TracerProvider
from opentelemetry.util.types import Attributes


class ProcessProvider(sdk.TracerProvider):
    """The SDK's provider as libraries know it, of whichever service runs."""

    def __init__(self, elder: sdk.TracerProvider | None = None) -> None:
        super().__init__(ALWAYS_OFF, Resource({}), shutdown_on_exit=False)
        self._elder = elder
        self.current: TracerProvider = NoOpTracerProvider()
        self.is_metered = False
        self._early: list[sdk.SpanProcessor] = []

    def serve(self, provider: TracerProvider) -> None:
        """Delegate to another provider; it gets the processors that were added while there was none."""
        self.current = provider
        if not isinstance(provider, sdk.TracerProvider):
            return
        while self._early:
            provider.add_span_processor(self._early.pop(0))
        if self._elder is not None:
            of_service, of_elder = _SpansOf(provider, self._elder), _SpansOf(self._elder, provider)
            provider.add_span_processor(of_service)
            self._elder.add_span_processor(of_elder)

    @property
    def resource(self) -> Resource:
        """The running service's."""
        return self._service().resource

    def add_span_processor(self, span_processor: sdk.SpanProcessor) -> None:
        """Hand the spans of the running service, or else of the next, to one more processor."""
        if isinstance(self.current, sdk.TracerProvider):
            self.current.add_span_processor(span_processor)
        else:
            self._early.append(span_processor)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what waits; False when it took longer than the time allowed."""
        return self._service().force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Send what waits, and close every processor."""
        self._service().shutdown()

    def _service(self) -> sdk.TracerProvider:
        """Return the running one, or this one's own pipeline, which has no processors."""
        return self.current if isinstance(self.current, sdk.TracerProvider) else cast("Self", super())

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes = None,
    ) -> Tracer:
        """Return a tracer of whichever service runs when a span is started."""
        named = (instrumenting_module_name, instrumenting_library_version, schema_url, attributes)
        return _ProcessTracer(self, named)


class _SpansOf(sdk.SpanProcessor):
    """Shows the processors of one provider the spans of another."""

    def __init__(self, source: sdk.TracerProvider, target: sdk.TracerProvider) -> None:
        self._source = source.resource
        tracer = target.get_tracer("annex")
        self._target = tracer.span_processor if isinstance(tracer, sdk.Tracer) else sdk.SpanProcessor()

    def on_start(self, span: sdk.Span, parent_context: Context | None = None) -> None:
        if span.resource is self._source:  # and not one that it was shown itself
            self._target.on_start(span, parent_context)

    def on_end(self, span: sdk.ReadableSpan) -> None:
        if span.resource is self._source:
            self._target.on_end(span)

    def shutdown(self) -> None:
        self._target.force_flush()


class _ProcessTracer(NoOpTracer):
    """Inherits `start_as_current_span`, which makes what `start_span` starts the current span."""

    def __init__(self, owner: ProcessProvider, named: tuple[str, str | None, str | None, Attributes]) -> None:
        self._owner = owner
        self._named = named
        self._provider: TracerProvider | None = None
        self._tracer: Tracer

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
        provider = self._owner.current
        if self._provider is not provider:
            self._tracer, self._provider = provider.get_tracer(*self._named), provider
        how = record_exception, set_status_on_exception
        return self._tracer.start_span(name, context, kind, attributes, links, start_time, *how)


def install(tracers: TracerProvider, meters: MeterProvider) -> None:
    """Make these what `opentelemetry.trace` and `opentelemetry.metrics` return.

    Instruments cannot move to another provider, so the first real meter provider of the process stays.
    """
    provider = _global_provider()
    provider.serve(tracers)
    if not provider.is_metered and not isinstance(meters, NoOpMeterProvider):
        provider.is_metered = True
        metrics.set_meter_provider(meters)


def release(tracers: TracerProvider) -> None:
    """Make no spans any more, unless another service has replaced `tracers` already."""
    if _global_provider().current is tracers:
        _global_provider().serve(NoOpTracerProvider())


@cache
def _global_provider() -> ProcessProvider:
    elder = trace.get_tracer_provider()
    if isinstance(elder, sdk.TracerProvider):
        return ProcessProvider(elder)
    provider = ProcessProvider()
    trace.set_tracer_provider(provider)
    return provider

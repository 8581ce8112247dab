"""The global tracer provider of OpenTelemetry's API, which delegates to the service that runs now.

The API lets a provider be set once, and libraries keep the tracers they were given; this one can be switched
to another service (tests, hot swap) and away from a closed one.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider, NoOpMeterProvider
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.trace import Link, NoOpTracerProvider, Span, SpanKind, Tracer, TracerProvider
from opentelemetry.util._decorator import _agnosticcontextmanager
from opentelemetry.util.types import Attributes

from runtime.telemetry.spans.inner import InnerSpans


class ProcessProvider(TracerProvider):
    """Makes tracers that look up the running service for each span."""

    def __init__(self) -> None:
        self.current: TracerProvider = NoOpTracerProvider()
        self.is_metered = False

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> Tracer:
        """Return a tracer of whichever service runs when a span is started."""
        named = (instrumenting_module_name, instrumenting_library_version, schema_url, attributes)
        return _ProcessTracer(self, named)


class _ProcessTracer(Tracer):
    def __init__(self, owner: ProcessProvider, named: tuple[str, str | None, str | None, Any]) -> None:
        self._owner = owner
        self._named = named
        self._provider: TracerProvider | None = None
        self._tracer: Tracer
        self._inner: InnerSpans | None

    def _now(self) -> Tracer:
        if self._provider is not self._owner.current:
            provider = self._owner.current
            self._tracer = tracer = provider.get_tracer(*self._named)
            self._inner = InnerSpans(tracer) if isinstance(tracer, SdkTracer) else None
            self._provider = provider
        return self._tracer

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        *others: Any,
        **more: Any,
    ) -> Span:
        tracer, inner = self._now(), self._inner
        if inner is None or links or others or more:
            return tracer.start_span(name, context, kind, attributes, links, start_time, *others, **more)
        return inner.start(name, context, kind, attributes, start_time)

    @_agnosticcontextmanager
    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Iterator[Span]:
        with self._now().start_as_current_span(*args, **kwargs) as span:
            yield span


def install(tracers: TracerProvider, meters: MeterProvider) -> None:
    """Make these what `opentelemetry.trace` and `opentelemetry.metrics` return.

    Instruments cannot move to another provider, so the first real meter provider of the process stays.
    """
    provider = _global_provider()
    provider.current = tracers
    if not provider.is_metered and not isinstance(meters, NoOpMeterProvider):
        provider.is_metered = True
        metrics.set_meter_provider(meters)


def release(tracers: TracerProvider) -> None:
    """Make no spans any more, unless another service has replaced `tracers` already."""
    if _global_provider().current is tracers:
        _global_provider().current = NoOpTracerProvider()


@cache
def _global_provider() -> ProcessProvider:
    provider = ProcessProvider()
    trace.set_tracer_provider(provider)
    return provider

"""The way out: tracer and meter providers of one service, their OTLP/HTTP exporters, their end.

Nothing here may stop a boot, slow a request or hold up an exit. Without an endpoint spans only carry ids,
so that logs and answers can still name a trace; with one, batches leave from a thread of their own.
"""

import asyncio
import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from opentelemetry import metrics, trace
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.semconv.schemas import Schemas
from opentelemetry.trace import NoOpTracerProvider, Tracer

from runtime.settings import Settings
from runtime.telemetry.durations import Durations, WithDurations
from runtime.telemetry.metrics import Metrics
from runtime.telemetry.process import install, release

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor

logger = logging.getLogger(__name__)

_SCHEMA = Schemas.V1_25_0.value  # the version whose HTTP and database conventions are the stable ones
_EXPORT_TIMEOUT = 2.0  # seconds a batch may take with all its retries
_QUEUE = 2048  # spans waiting to be sent; the oldest goes when one more comes
_BATCH = 128  # small, because encoding holds the interpreter's lock
_METRICS_EVERY = 30_000  # milliseconds


class Telemetry:
    """Everything that leaves the process about itself: made by `start`, ended by `stop`.

    Attributes:
        settings: what it was started with.
        tracer_provider: for rooms that take one instead of the process's.
        meter_provider: likewise.
        tracer: makes the server spans.
        metrics: the service's own instruments.
    """

    def __init__(
        self,
        settings: Settings,
        tracers: trace.TracerProvider,
        meters: metrics.MeterProvider,
        durations: Durations,
    ) -> None:
        self.settings = settings
        self.tracer: Tracer = tracers.get_tracer("annex", schema_url=_SCHEMA)
        self.metrics = Metrics(meters.get_meter("annex", schema_url=_SCHEMA), durations)
        self.tracer_provider = tracers
        self.meter_provider = meters
        self._stop_watching: Callable[[], None] = lambda: None

    @classmethod
    def start(
        cls,
        settings: Settings,
        *,
        processors: Sequence["SpanProcessor"] = (),
        exporters: Sequence["MetricExporter"] = (),
    ) -> Self:
        """Build the providers and make them the ones that `opentelemetry.trace` hands out; never raises.

        Args:
            settings: where to send, as whom, how much.
            processors: see every recorded span besides the exporter.
            exporters: are given the metrics besides the collector.
        """
        durations = Durations()
        try:
            resource = _resource(settings)
            tracers = _tracers(settings, resource, processors)
            meters = _meters(settings, resource, _exporters(settings, exporters), durations)
        except Exception as error:  # noqa: BLE001 - fail-open: no fault of telemetry stops a boot
            logger.warning("Telemetry is off, it could not be set up: %s", type(error).__name__)
            tracers, meters = NoOpTracerProvider(), NoOpMeterProvider()
        if doubt := _doubt(settings.telemetry.endpoint):
            logger.warning("OTEL_EXPORTER_OTLP_ENDPOINT: %s", doubt)
        install(tracers, meters)
        return cls(settings, tracers, meters, durations)

    def watch(self, *, quarantined: Callable[[], int]) -> None:
        """From now on report the running loop's lag, and how many files `quarantined()` says are out."""
        self.metrics.watch_quarantined(quarantined)
        self._stop_watching = self.metrics.watch_loop(asyncio.get_running_loop())

    async def stop(self, budget: float = 3.0) -> bool:
        """Send what is queued and close, within `budget` seconds; True when all of it was done.

        The providers' own `shutdown` blocks for as long as a collector lets it, so it runs in a daemon thread
        that is left behind when the time is up.
        """
        self._stop_watching()
        release(self.tracer_provider)
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def close() -> None:
            self._close(budget)
            with suppress(RuntimeError):  # the loop is gone: nobody waits any more
                loop.call_soon_threadsafe(done.set)

        threading.Thread(target=close, name="annex-telemetry-stop", daemon=True).start()
        try:
            async with asyncio.timeout(budget):
                await done.wait()
        except TimeoutError:
            logger.warning("Telemetry was not flushed within %.1f s; what was queued is lost.", budget)
            return False
        return True

    def _close(self, budget: float) -> None:
        deadline = time.monotonic() + budget
        for provider in (self.tracer_provider, self.meter_provider):
            shutdown: Callable[..., None] | None = getattr(provider, "shutdown", None)
            if shutdown is None:
                continue
            left = max(deadline - time.monotonic(), 0.1) * 1000
            try:
                if isinstance(provider, metrics.MeterProvider):
                    shutdown(timeout_millis=left)
                else:
                    shutdown()
            except Exception as error:  # noqa: BLE001 - an exporter's fault must not reach the shutdown
                logger.warning("Telemetry did not close cleanly: %s", type(error).__name__)


def _tracers(
    settings: Settings, resource: "Resource", processors: Sequence["SpanProcessor"]
) -> trace.TracerProvider:
    if settings.telemetry.disabled:
        return NoOpTracerProvider()
    from opentelemetry.sdk.trace import SpanLimits, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, TraceIdRatioBased

    endpoint, ratio = settings.telemetry.endpoint, settings.telemetry.sample_ratio
    seen = bool(endpoint or processors)
    provider = TracerProvider(
        sampler=ParentBased(ALWAYS_ON if ratio == 1 else TraceIdRatioBased(ratio)) if seen else ALWAYS_OFF,
        resource=resource,
        shutdown_on_exit=False,  # the lifespan owns the end; atexit never runs under SIGTERM
        span_limits=SpanLimits(
            max_span_attributes=64,
            max_events=32,
            max_links=16,
            max_event_attributes=16,
            max_link_attributes=16,
            max_attribute_length=4096,
            max_span_attribute_length=1024,
        ),
    )
    for processor in processors:
        provider.add_span_processor(processor)
    if endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        from runtime.telemetry.exit import Redacting

        exporter = OTLPSpanExporter(
            endpoint=_signal_url(endpoint, "traces"), headers=_headers(settings), timeout=_EXPORT_TIMEOUT
        )
        provider.add_span_processor(
            BatchSpanProcessor(
                Redacting(exporter),
                max_queue_size=_QUEUE,
                schedule_delay_millis=2000,
                max_export_batch_size=_BATCH,
            )
        )
    return provider


def _exporters(settings: Settings, more: Sequence["MetricExporter"]) -> list["MetricExporter"]:
    endpoint = settings.telemetry.endpoint
    if settings.telemetry.disabled or not endpoint:
        return list(more)
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    collector = OTLPMetricExporter(
        endpoint=_signal_url(endpoint, "metrics"), headers=_headers(settings), timeout=_EXPORT_TIMEOUT
    )
    return [*more, collector]


def _meters(
    settings: Settings, resource: "Resource", exporters: Sequence["MetricExporter"], durations: Durations
) -> metrics.MeterProvider:
    if settings.telemetry.disabled or not exporters:
        return NoOpMeterProvider()
    from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    return MeterProvider(
        metric_readers=[
            PeriodicExportingMetricReader(
                WithDurations(exporter, durations),
                export_interval_millis=_METRICS_EVERY,
                export_timeout_millis=_EXPORT_TIMEOUT * 1000,
            )
            for exporter in exporters
        ],
        resource=resource,
        shutdown_on_exit=False,
        exemplar_filter=AlwaysOffExemplarFilter(),
    )


def _resource(settings: Settings) -> "Resource":
    from opentelemetry.sdk.resources import Resource

    known = {
        "service.name": settings.telemetry.service_name,
        "service.version": settings.commit,
        "service.instance.id": settings.replica or str(uuid.uuid4()),
        "deployment.environment.name": settings.railway_environment or settings.environment,
        "deployment.id": settings.deployment,
        "cloud.region": settings.region,
    }
    return Resource.create({key: value for key, value in known.items() if value}, _SCHEMA)


def _doubt(endpoint: str | None) -> str:
    """Say what is probably wrong with an endpoint; a doubt stops nothing."""
    if endpoint is None:
        return ""
    if not endpoint.startswith(("http://", "https://")):
        return "expected a URL that begins with http:// or https://; nothing will arrive"
    if endpoint.rstrip("/").endswith(":4317"):
        return "port 4317 is OTLP over gRPC, and OTLP over HTTP is sent: usually port 4318"
    return ""


def _signal_url(endpoint: str, signal: str) -> str:
    """Append the path that OTLP/HTTP gives each signal; only the generic variable gets it, so we do."""
    return f"{endpoint.rstrip('/')}/v1/{signal}"


def _headers(settings: Settings) -> dict[str, str] | None:
    if settings.telemetry.headers is None:
        return None
    from opentelemetry.util.re import parse_env_headers

    return dict(parse_env_headers(settings.telemetry.headers.reveal(), liberal=True))

"""Tracer and meter provider of one service, with their OTLP/HTTP exporters.

Without an endpoint spans only carry ids, so that log lines and responses can still name a trace; with one,
batches are sent from a thread.
"""

import threading
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from opentelemetry.metrics import MeterProvider, NoOpMeterProvider
from opentelemetry.sdk.trace import SpanLimits
from opentelemetry.semconv.schemas import Schemas
from opentelemetry.trace import NoOpTracerProvider, TracerProvider

from runtime.settings import Settings
from runtime.settings.opentelemetry.otel import pairs
from runtime.telemetry.metrics.durations import Durations, WithDurations
from runtime.telemetry.metrics.histograms import Labelled
from runtime.telemetry.queue import ExportQueue, SpanQueue
from runtime.telemetry.spans.tracers import Tracers
from shared.secret import Secret

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor

    from runtime.telemetry.logs.shipping import LogShipper

SCHEMA = Schemas.V1_44_0.value  # whose names are sent
_EXPORT_TIMEOUT = 2.0  # seconds for a batch with all its retries
_QUEUE_LIMIT = 2048  # spans; the oldest is dropped when it is full
_BATCH_DELAY = 2.0  # seconds
_BATCH_SIZE = 512  # spans


class ExportState:
    """What the exporters of a service share.

    Attributes:
        has_exemplars: whether histograms name traces.
        durations: of its requests.
        histograms: further ones, by the name of their scope.
        logs: sends log lines, None where they only go to standard output.
        close_sentry: ends what sends errors to Sentry, None where nothing does.
        is_shut: set when the time to send is over: what is still queued is dropped.
    """

    def __init__(self, *, has_exemplars: bool = True) -> None:
        self.has_exemplars = has_exemplars
        self.durations = Durations()
        self.durations.has_exemplars = has_exemplars
        self.histograms: dict[str, list[Labelled]] = {}
        self.logs: LogShipper | None = None
        self.close_sentry: Callable[[], None] | None = None
        self.is_shut = threading.Event()


def tracers_of(
    settings: Settings, resource: "Resource", processors: Sequence["SpanProcessor"], state: ExportState
) -> TracerProvider:
    """Return what makes spans: recorded when something exports them, else with ids only."""
    if settings.telemetry.disabled:
        return NoOpTracerProvider()
    destination = settings.telemetry.destination("traces")
    provider = Tracers(
        resource,
        settings.telemetry.share,
        SpanLimits(
            max_span_attributes=64,
            max_events=32,
            max_links=16,
            max_event_attributes=16,
            max_link_attributes=16,
            max_attribute_length=4096,
            max_span_attribute_length=1024,
        ),
    )
    if destination:
        from runtime.telemetry.export import CompactExporter, RedactingExporter

        exporter = CompactExporter(destination[0], _headers(destination[1]), _EXPORT_TIMEOUT)
        redacting = RedactingExporter(exporter, state.is_shut)
        queue = SpanQueue(redacting, limit=_QUEUE_LIMIT, batch=_BATCH_SIZE, delay=_BATCH_DELAY)
        provider.add_span_processor(queue)
    for processor in processors:
        provider.add_span_processor(processor)
    return provider


def logs_of(settings: Settings, resource: "Resource", state: ExportState) -> "LogShipper | None":
    """Return what sends the log's lines besides, None where nothing does."""
    destination = settings.telemetry.destination("logs")
    if destination is None:
        return None
    from runtime.telemetry.export import Sender
    from runtime.telemetry.logs.shipping import LineExporter, LogShipper

    sender = Sender(destination[0], _headers(destination[1]), _EXPORT_TIMEOUT)
    exporter = LineExporter(sender, resource, state.is_shut)
    return LogShipper(
        ExportQueue(exporter, limit=_QUEUE_LIMIT, batch=_BATCH_SIZE, delay=_BATCH_DELAY),
        settings.telemetry,
        production=settings.is_production,
    )


def _exporters(settings: Settings, more: Sequence["MetricExporter"]) -> list["MetricExporter"]:
    destination = settings.telemetry.destination("metrics")
    if destination is None:
        return list(more)
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

    collector = OTLPMetricExporter(
        endpoint=destination[0], headers=_headers(destination[1]), timeout=_EXPORT_TIMEOUT
    )
    return [*more, collector]


def meters_of(
    settings: Settings, resource: "Resource", more: Sequence["MetricExporter"], state: ExportState
) -> MeterProvider:
    """Return what makes instruments; every exporter is also given the durations."""
    exporters = _exporters(settings, more)
    if settings.telemetry.disabled or not exporters:
        return NoOpMeterProvider()
    from opentelemetry.sdk import metrics
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    return metrics.MeterProvider(
        metric_readers=[
            PeriodicExportingMetricReader(
                WithDurations(exporter, state.durations, state.histograms, state.is_shut),
                export_interval_millis=settings.telemetry.metric_interval,
                export_timeout_millis=_EXPORT_TIMEOUT * 1000,
            )
            for exporter in exporters
        ],
        resource=resource,
        shutdown_on_exit=False,
        exemplar_filter=metrics.TraceBasedExemplarFilter()
        if state.has_exemplars
        else metrics.AlwaysOffExemplarFilter(),
    )


def resource_of(settings: Settings) -> "Resource":
    """Return the service, its version, replica, environment and region."""
    from opentelemetry.sdk.resources import Resource

    known = {
        "service.name": settings.telemetry.service_name,
        "service.version": settings.commit,
        "service.instance.id": settings.replica or str(uuid.uuid4()),
        "deployment.environment.name": settings.railway_environment or settings.environment,
        "deployment.id": settings.deployment,
        "cloud.region": settings.region,
    }
    return Resource.create({key: value for key, value in known.items() if value}, SCHEMA)


def doubt_of(endpoint: str | None) -> str:
    """Return what is probably wrong with an endpoint, empty when nothing is."""
    if endpoint is None:
        return ""
    if endpoint.rstrip("/").endswith(":4317"):
        return "port 4317 is for OTLP over gRPC; OTLP over HTTP is sent, which is usually port 4318"
    return ""


def _headers(secret: Secret | None) -> dict[str, str] | None:
    return None if secret is None else pairs(secret.reveal())

"""`http.server.request.duration`, and how it and other histograms of ours get to the exporter."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from opentelemetry.sdk.metrics.export import (
    Metric,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.http_attributes import (
    HTTP_REQUEST_METHOD,
    HTTP_RESPONSE_STATUS_CODE,
    HTTP_ROUTE,
)
from opentelemetry.semconv.attributes.url_attributes import URL_SCHEME
from opentelemetry.semconv.metrics.http_metrics import HTTP_SERVER_REQUEST_DURATION

from runtime.telemetry.metrics.histograms import Counts, Labelled

# Seconds; the conventions ask for these (https://opentelemetry.io/docs/specs/semconv/http/http-metrics/).
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


class Outcome(NamedTuple):
    """The attributes of a duration: none of a caller's choosing, so that their number is bounded.

    Attributes:
        method: as the conventions allow, ``_OTHER`` for one that no RFC defines.
        route: the matched template, empty when nothing matched.
        status: of the response, 0 when there was none.
        scheme: ``http`` or ``https``.
        error: `error.type`, empty when the server is not at fault.
    """

    method: str
    route: str
    status: int
    scheme: str
    error: str = ""


class Durations(Counts[Outcome]):
    """Counts of requests by outcome and duration (seconds), since the start."""

    def __init__(self) -> None:
        super().__init__(
            HTTP_SERVER_REQUEST_DURATION,
            "Duration of HTTP server requests.",
            BOUNDS,
            lambda outcome: dict(_attributes(outcome)),
        )


class WithDurations(MetricExporter):
    """Passes metrics on to another exporter, with the durations added.

    Args:
        exporter: the other one.
        durations: of requests.
        others: by the name of their scope; may become more.
        is_shut: set when nothing is to be sent any more.
    """

    def __init__(
        self,
        exporter: MetricExporter,
        durations: Durations,
        others: Mapping[str, Sequence[Labelled]],
        is_shut: threading.Event,
    ) -> None:
        super().__init__()
        self._exporter = exporter
        self._durations = durations
        self._others = others
        self._is_shut = is_shut

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: object
    ) -> MetricExportResult:
        """Export both, the durations first in the first scope; nothing once it is shut."""
        if self._is_shut.is_set():
            return MetricExportResult.FAILURE
        metric = self._durations.metric()
        if metric.data.data_points:
            metrics_data = _among(metrics_data, metric)
        for scope, histograms in tuple(self._others.items()):
            metrics = [histogram.metric() for histogram in histograms]
            if counted := [metric for metric in metrics if metric.data.data_points]:
                metrics_data = _in_scope(metrics_data, scope, counted)
        return self._exporter.export(metrics_data, timeout_millis=timeout_millis, **kwargs)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Flush the other exporter."""
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:
        """Close the other exporter."""
        self._exporter.shutdown(timeout_millis=timeout_millis, **kwargs)


def _among(data: MetricsData, metric: Metric) -> MetricsData:
    resource, *other_resources = data.resource_metrics
    scope, *other_scopes = resource.scope_metrics
    widened = ScopeMetrics(scope.scope, [metric, *scope.metrics], scope.schema_url)
    first = ResourceMetrics(resource.resource, [widened, *other_scopes], resource.schema_url)
    return MetricsData([first, *other_resources])


def _in_scope(data: MetricsData, name: str, metrics: list[Metric]) -> MetricsData:
    """Return the data with metrics added to the scope of that name, which is made if there is none."""
    resource, *other_resources = data.resource_metrics
    known = [each for each in resource.scope_metrics if each.scope.name == name]
    same = known[0] if known else ScopeMetrics(InstrumentationScope(name), [], "")
    others = [each for each in resource.scope_metrics if each is not same]
    widened = ScopeMetrics(same.scope, [*same.metrics, *metrics], same.schema_url)
    first = ResourceMetrics(resource.resource, [*others, widened], resource.schema_url)
    return MetricsData([first, *other_resources])


def _attributes(outcome: Outcome) -> Iterator[tuple[str, str | int]]:
    yield HTTP_REQUEST_METHOD, outcome.method
    yield URL_SCHEME, outcome.scheme
    if outcome.route:
        yield HTTP_ROUTE, outcome.route
    if outcome.status:
        yield HTTP_RESPONSE_STATUS_CODE, outcome.status
    if outcome.error:
        yield ERROR_TYPE, outcome.error

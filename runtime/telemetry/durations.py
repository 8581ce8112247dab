"""How long requests take, as `http.server.request.duration`, at a fifteenth of the SDK histogram's cost.

The SDK cleans, sorts and hashes the attributes of every measurement, which is half the price of a server
span. The attribute sets of a request are few and known, so they are counted here and handed to the exporter
as the finished data points that the SDK's public types describe.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from opentelemetry.instrumentation._semconv import HTTP_DURATION_HISTOGRAM_BUCKETS_NEW as BOUNDS
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.semconv.attributes.http_attributes import (
    HTTP_REQUEST_METHOD,
    HTTP_RESPONSE_STATUS_CODE,
    HTTP_ROUTE,
)
from opentelemetry.semconv.attributes.url_attributes import URL_SCHEME
from opentelemetry.semconv.metrics.http_metrics import HTTP_SERVER_REQUEST_DURATION

_MOST = 2000  # attribute sets; the SDK's own limit


class Outcome(NamedTuple):
    """What a duration is told apart by: nothing of a caller's choosing, so their number is bounded.

    Attributes:
        method: as the conventions allow, ``_OTHER`` for what no RFC knows.
        route: the matched template, empty when nothing matched.
        status: of the response, 0 when there was none.
        scheme: ``http`` or ``https``.
        error: `error.type`, empty when the server did its part.
    """

    method: str
    route: str
    status: int
    scheme: str
    error: str = ""


_OVERFLOW = Outcome("", "", 0, "")


class Durations:
    """Counts of requests by outcome and duration (seconds), since the start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._points: dict[Outcome, _Point] = {}
        self._born = time.time_ns()

    def record(self, outcome: Outcome, seconds: float) -> None:
        """Count one request."""
        with self._lock:
            point = self._points.get(outcome)
            if point is None:
                if len(self._points) >= _MOST:
                    outcome = _OVERFLOW
                point = self._points.setdefault(outcome, _Point())
            point.add(seconds)

    def metric(self) -> Metric:
        """Return everything counted so far as one cumulative histogram."""
        with self._lock:
            points = [self._data_point(outcome, point) for outcome, point in self._points.items()]
        return Metric(
            name=HTTP_SERVER_REQUEST_DURATION,
            description="Duration of HTTP server requests.",
            unit="s",
            data=Histogram(data_points=points, aggregation_temporality=AggregationTemporality.CUMULATIVE),
        )

    def _data_point(self, outcome: Outcome, point: "_Point") -> HistogramDataPoint:
        return HistogramDataPoint(
            attributes=dict(_attributes(outcome)),
            start_time_unix_nano=self._born,
            time_unix_nano=time.time_ns(),
            count=sum(point.counts),
            sum=point.total,
            bucket_counts=tuple(point.counts),
            explicit_bounds=BOUNDS,
            min=point.least,
            max=point.most,
        )


class _Point:
    __slots__ = ("counts", "least", "most", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0
        self.least = float("inf")
        self.most = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += seconds
        if seconds < self.least:  # noqa: PLR1730  # what happens each time is a comparison, not a call
            self.least = seconds
        if seconds > self.most:  # noqa: PLR1730
            self.most = seconds


class WithDurations(MetricExporter):
    """Passes metrics on to another exporter, the durations among them."""

    def __init__(self, exporter: MetricExporter, durations: Durations, is_shut: threading.Event) -> None:
        super().__init__()
        self._exporter = exporter
        self._durations = durations
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


def _attributes(outcome: Outcome) -> Iterator[tuple[str, str | int]]:
    if outcome is _OVERFLOW:
        yield "otel.metric.overflow", True
        return
    yield HTTP_REQUEST_METHOD, outcome.method
    yield URL_SCHEME, outcome.scheme
    if outcome.route:
        yield HTTP_ROUTE, outcome.route
    if outcome.status:
        yield HTTP_RESPONSE_STATUS_CODE, outcome.status
    if outcome.error:
        yield ERROR_TYPE, outcome.error

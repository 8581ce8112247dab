"""Histograms of seconds, at a fifteenth of the cost of the SDK's.

The SDK cleans, sorts and hashes the attributes of every measurement, which is half the price of a server
span. Where attribute sets are few and known, they are counted here, and handed to the exporter as the
finished data points that the SDK's public types describe.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
)
from opentelemetry.trace import Span, SpanContext, get_current_span

from shared.attributes import AttributeSet

MAX_SETS = 2000  # attribute sets; the SDK's own limit
_OVERFLOW = {"otel.metric.overflow": True}


class Counts[Key: Hashable]:
    """Counts by key and duration (seconds), since the start, with the newest trace of each bucket.

    Attributes:
        name: of the metric.
        has_exemplars: whether traces are kept (`OTEL_METRICS_EXEMPLAR_FILTER`).
    """

    has_exemplars = True

    def __init__(
        self,
        name: str,
        description: str,
        bounds: Sequence[float],
        attributes: Callable[[Key], Mapping[str, Any]],
    ) -> None:
        self.name = name
        self._description = description
        self._bounds = tuple(bounds)
        self._attributes = attributes
        self._lock = threading.Lock()
        self._points: dict[Key | None, _Point] = {}
        self._started = time.time_ns()

    def add(self, key: Key, seconds: float, span: Span | None = None) -> None:
        """Count one, which `span` or else the current one belongs to."""
        seen = None
        if self.has_exemplars:
            ids = (get_current_span() if span is None else span).get_span_context()
            if ids.trace_flags & 1:  # sampled: there is something to find
                seen = seconds, time.time_ns(), ids
        with self._lock:
            (self._points.get(key) or self._new_point(key)).add(seconds, seen)

    def metric(self) -> Metric:
        """Return everything counted so far as one cumulative histogram."""
        with self._lock:
            points = [self._data_point(key, point) for key, point in self._points.items()]
        return Metric(
            name=self.name,
            description=self._description,
            unit="s",
            data=Histogram(data_points=points, aggregation_temporality=AggregationTemporality.CUMULATIVE),
        )

    def _new_point(self, key: Key) -> "_Point":
        """Return the point of a new key; None is the key of all beyond the limit."""
        place = key if len(self._points) < MAX_SETS else None
        return self._points.setdefault(place, _Point(self._bounds))

    def _data_point(self, key: Key | None, point: "_Point") -> HistogramDataPoint:
        return HistogramDataPoint(
            attributes=dict(_OVERFLOW if key is None else self._attributes(key)),
            start_time_unix_nano=self._started,
            time_unix_nano=time.time_ns(),
            count=sum(point.counts),
            sum=point.total,
            bucket_counts=tuple(point.counts),
            explicit_bounds=self._bounds,
            min=point.least,
            max=point.most,
            exemplars=point.take_exemplars(),
        )


class Labelled(Counts[AttributeSet]):
    """Counts by the attributes themselves, with the API's `record`."""

    def __init__(self, name: str, description: str, bounds: Sequence[float]) -> None:
        super().__init__(name, description, bounds, attributes=dict)

    def record(self, amount: float, attributes: Mapping[str, Any]) -> None:
        """Count one, as `opentelemetry.metrics.Histogram.record` would."""
        self.add(attributes if type(attributes) is AttributeSet else AttributeSet(attributes), amount)


type _Seen = tuple[float, int, SpanContext]
"""A measurement, when it was made, and the span that it belongs to."""


class _Point:
    __slots__ = ("bounds", "counts", "least", "most", "seen", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        self.least = float("inf")
        self.most = 0.0
        self.seen: dict[int, _Seen] = {}

    def add(self, seconds: float, seen: _Seen | None) -> None:
        bucket = bisect_left(self.bounds, seconds)
        self.counts[bucket] += 1
        self.total += seconds
        if seen is not None:
            self.seen[bucket] = seen
        if seconds < self.least:  # noqa: PLR1730  # a call of min() costs as much as all the rest
            self.least = seconds
        if seconds > self.most:  # noqa: PLR1730
            self.most = seconds

    def take_exemplars(self) -> list[Exemplar]:
        """Return those since the last time, in the order of the buckets."""
        seen, self.seen = self.seen, {}
        return [
            Exemplar({}, seconds, at, ids.span_id, ids.trace_id)
            for _, (seconds, at, ids) in sorted(seen.items())
        ]

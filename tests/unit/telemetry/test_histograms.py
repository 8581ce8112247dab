"""Histograms that are counted here, as an exporter sees them: the SDK's own are the oracle."""

import threading
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExporter, MetricExportResult
from opentelemetry.sdk.resources import Resource

from runtime.telemetry.metrics.durations import Durations, WithDurations
from runtime.telemetry.metrics.histograms import Labelled
from runtime.telemetry.spans.tracers import Tracers

BOUNDS = (0.001, 0.01, 0.1)
READ = {"db.query.summary": "SELECT Signal", "db.operation.name": "SELECT"}
FAILED = {**READ, "error.type": "57014"}
MEASURED = [(0.0005, READ), (0.01, READ), (0.5, FAILED), (0.002, READ)]


class Kept(MetricExporter):
    """Keeps what it is given, by scope and name."""

    def __init__(self) -> None:
        super().__init__()
        self.scopes: list[dict[str, Any]] = []

    def export(self, metrics_data: Any, timeout_millis: float = 0, **_: object) -> MetricExportResult:
        (resource,) = metrics_data.resource_metrics
        self.scopes = [
            {"scope": each.scope.name, **{metric.name: metric for metric in each.metrics}}
            for each in resource.scope_metrics
        ]
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 0) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 0, **_: object) -> None:
        """Nothing is open."""


def exported(*histograms: Labelled, scope_is_known: bool) -> list[dict[str, Any]]:
    reader, kept = InMemoryMetricReader(), Kept()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    meters.get_meter("annex").create_counter("other").add(1)
    if scope_is_known:
        meters.get_meter("annex.database").create_counter("timeouts").add(1)
    told = {"annex.database": list(histograms)}
    WithDurations(kept, Durations(), told, threading.Event()).export(reader.get_metrics_data())  # type: ignore[arg-type]
    return kept.scopes


def points(metric: Any) -> list[Any]:
    return [
        (dict(p.attributes), p.count, p.sum, tuple(p.bucket_counts), tuple(p.explicit_bounds), p.min, p.max)
        for p in metric.data.data_points
    ]


def test_points_are_those_of_the_sdks_histogram():
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("annex.database")
    theirs = meter.create_histogram("d", "s", "Duration", explicit_bucket_boundaries_advisory=BOUNDS)
    ours = Labelled("d", "Duration", BOUNDS)
    for seconds, attributes in MEASURED:
        theirs.record(seconds, attributes)
        ours.record(seconds, attributes)

    data = reader.get_metrics_data()
    assert data is not None
    stock, told = data.resource_metrics[0].scope_metrics[0].metrics[0], ours.metric()
    assert (told.name, told.description, told.unit) == (stock.name, stock.description, stock.unit)
    assert type(told.data) is type(stock.data)
    assert points(told) == points(stock)


def test_they_leave_in_the_scope_of_their_name_beside_what_the_sdk_counts_there():
    histogram = Labelled("d", "Duration", BOUNDS)
    histogram.record(0.01, READ)

    known = exported(histogram, scope_is_known=True)
    alone = exported(histogram, scope_is_known=False)

    assert [list(scope) for scope in known] == [["scope", "other"], ["scope", "timeouts", "d"]]
    assert [list(scope) for scope in alone] == [["scope", "other"], ["scope", "d"]]
    assert known[1]["scope"] == alone[1]["scope"] == "annex.database"


def test_one_that_has_counted_nothing_does_not_leave():
    assert [list(scope) for scope in exported(Labelled("d", "", BOUNDS), scope_is_known=False)] == [
        ["scope", "other"]
    ]


def test_attribute_sets_beyond_the_limit_are_counted_together():
    histogram = Labelled("d", "", BOUNDS)
    for number in range(2100):
        histogram.record(0.01, {"n": number})

    *told_apart, rest = points(histogram.metric())
    assert len(told_apart) == 2000
    assert rest[:2] == ({"otel.metric.overflow": True}, 100)


def test_each_bucket_names_the_newest_sampled_trace_once():
    counts = Labelled("db.client.operation.duration", "", (0.1, 1))
    tracers = Tracers(Resource({}))
    tracers.take = lambda _: None
    tracer = tracers.get_tracer("test")
    traces = []
    for seconds in (0.5, 0.6, 7):
        with tracer.start_as_current_span("request") as span:
            counts.record(seconds, READ)
            traces.append(span.get_span_context().trace_id)
    counts.record(0.01, READ)

    (point,), (after,) = counts.metric().data.data_points, counts.metric().data.data_points
    assert [(each.value, each.trace_id) for each in point.exemplars] == [(0.6, traces[1]), (7, traces[2])]
    assert not after.exemplars


def test_exemplars_can_be_switched_off():
    counts = Labelled("db.client.operation.duration", "", (0.1, 1))
    counts.has_exemplars = False
    tracers = Tracers(Resource({}))
    tracers.take = lambda _: None
    with tracers.get_tracer("test").start_as_current_span("request"):
        counts.record(0.5, READ)

    assert not counts.metric().data.data_points[0].exemplars

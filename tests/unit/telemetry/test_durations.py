"""How long requests take, as the exporter sees it: the SDK's own histogram is the oracle."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.instrumentation._semconv import HTTP_DURATION_HISTOGRAM_BUCKETS_NEW
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from runtime.telemetry.metrics.durations import Durations, Outcome

OK = Outcome("GET", "/signals/{symbol}", 200, "http")


def points(durations: Durations) -> Any:
    return durations.metric().data.data_points


def sdk_histogram(seconds) -> Any:
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("oracle")
    bounds = HTTP_DURATION_HISTOGRAM_BUCKETS_NEW
    histogram = meter.create_histogram("d", "s", explicit_bucket_boundaries_advisory=bounds)
    for value in seconds:
        histogram.record(value)
    data = reader.get_metrics_data()
    assert data is not None
    return data.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0]


@given(st.lists(st.one_of(st.sampled_from([0.0, 0.005, 0.25, 10.0]), st.floats(0, 100)), min_size=1))
def test_counts_are_those_of_the_sdks_histogram(seconds):
    durations = Durations()
    for value in seconds:
        durations.add(OK, value)

    theirs = sdk_histogram(seconds)
    (ours,) = points(durations)
    assert ours.bucket_counts == tuple(theirs.bucket_counts)
    assert (ours.count, ours.min, ours.max) == (theirs.count, theirs.min, theirs.max)
    assert ours.sum == pytest.approx(theirs.sum)
    assert tuple(ours.explicit_bounds) == tuple(theirs.explicit_bounds)


def test_outcomes_are_told_apart_and_empty_parts_left_out():
    durations = Durations()
    durations.add(OK, 0.01)
    durations.add(Outcome("POST", "/signals", 500, "http", "ValueError"), 0.2)
    durations.add(Outcome("_OTHER", "", 0, "https", "asyncio.CancelledError"), 1)

    assert [point.attributes for point in points(durations)] == [
        {
            "http.request.method": "GET",
            "url.scheme": "http",
            "http.route": "/signals/{symbol}",
            "http.response.status_code": 200,
        },
        {
            "http.request.method": "POST",
            "url.scheme": "http",
            "http.route": "/signals",
            "http.response.status_code": 500,
            "error.type": "ValueError",
        },
        {"http.request.method": "_OTHER", "url.scheme": "https", "error.type": "asyncio.CancelledError"},
    ]


def test_number_of_attribute_sets_is_bounded():
    durations = Durations()
    for number in range(2500):
        durations.add(Outcome("GET", f"/{number}", 200, "http"), 0.01)

    *told_apart, rest = points(durations)
    assert len(told_apart) == 2000
    assert (rest.attributes, rest.count) == ({"otel.metric.overflow": True}, 500)

"""How many requests are in progress, as the exporter reads it."""

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from runtime.asgi.invocation import Invocation
from runtime.telemetry.metrics.durations import Durations
from runtime.telemetry.metrics.instruments import Metrics


def invocation(method: str) -> Invocation:
    return Invocation(request_id="r-1", client="", method=method, started=0)


def read(reader: InMemoryMetricReader) -> dict[tuple[object, object], object]:
    """Return the active requests by method and scheme."""
    data = reader.get_metrics_data()
    assert data is not None
    (scope,) = data.resource_metrics[0].scope_metrics
    (metric,) = [each for each in scope.metrics if each.name == "http.server.active_requests"]
    read: dict[tuple[object, object], object] = {}
    for point in metric.data.data_points:
        attributes = dict(point.attributes or {})
        read[attributes.pop("http.request.method"), attributes.pop("url.scheme")] = point.value  # type: ignore[union-attr]  # a sum's
        assert attributes == {}
    return read


def test_active_requests_have_method_and_scheme_and_end_with_0():
    reader = InMemoryMetricReader()
    metrics = Metrics(MeterProvider([reader]).get_meter("annex"), Durations())
    first, second = invocation("GET"), invocation("GET")
    metrics.active |= {first: "http", second: "http", invocation("FROBNICATE"): "https"}
    during = read(reader)

    metrics.active.clear()

    assert during == {("GET", "http"): 2, ("_OTHER", "https"): 1}
    assert read(reader) == {("GET", "http"): 0, ("_OTHER", "https"): 0}

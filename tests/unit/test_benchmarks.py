"""What the benchmarks say of the figures they took: spans that arrived, goals, the picture."""

import os
from xml.etree import ElementTree

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanKind

from benchmarks.collector import collecting
from benchmarks.database import Cost
from benchmarks.goals import Goal
from benchmarks.plot import svg
from benchmarks.report import Figures, Results, report

FIGURES = Figures(7000, 100, 86, 70, 0.5, 0.5, 80, 1, 1)
DRIVER = Cost(spent=1.6, passed=1.2)


def results(**changed: float) -> Results:
    ours = FIGURES._replace(**changed)
    return {"get": {"ours": ours, "fastapi_bare": FIGURES._replace(spent=90, spans=0, recorded=0)}}


def test_spans_that_arrived_are_counted_once_and_requests_among_them():
    with collecting(*os.sched_getaffinity(0)) as collector:
        provider = TracerProvider(shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=f"{collector.endpoint}/v1/traces")
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = provider.get_tracer("test")
        for kind in (SpanKind.SERVER, SpanKind.CLIENT, SpanKind.INTERNAL):
            tracer.start_span("one", kind=kind).end()
        provider.shutdown()
        first, second = collector.take(), collector.take()
    assert (first.spans, first.requests) == (3, 1)
    assert (second.spans, second.requests) == (0, 0)


def test_a_goal_is_missed_when_ours_costs_more_than_the_peer():
    goal = Goal("GET, of bare FastAPI", "get", 1.0, "fastapi_bare")
    assert goal.ratio(results()) == 0.9
    assert not goal.is_met(0.9)
    assert "| GET, of bare FastAPI | 0.90 x | at least 1.00 x | MISSED |" in report(results(), DRIVER)


def test_a_goal_whose_case_was_not_measured_is_neither_met_nor_missed():
    goal = Goal("cost of a 401, of a GET", "no token", 1.0, of="get", is_cost=True)
    assert goal.ratio(results()) is None
    assert "| cost of a 401, of a GET | not in this run | at most 1.00 x | |" in report(results(), DRIVER)


def test_a_query_is_judged_beside_the_driver_in_time_and_in_processor_time():
    said = report(results(), DRIVER)
    assert "plain asyncpg in a loop: time | 1.20 x | at most 1.50 x | met |" in said
    assert "plain asyncpg in a loop: processor time | 1.60 x | at most 1.50 x | MISSED |" in said


def test_spans_that_were_lost_are_said_loudly_because_the_figure_looks_cheap():
    assert "get: ours LOST 40.0% OF ITS SPANS" in report(results(recorded=0.6), DRIVER)
    assert "LOST" not in report(results(), DRIVER)


def test_the_picture_has_a_bar_for_each_server_and_needs_nothing_else():
    picture = ElementTree.fromstring(svg(results()))  # noqa: S314  # it was made here
    bars = [each.get("class") for each in picture.iter("{http://www.w3.org/2000/svg}rect")]
    assert bars == ["peer", "ours"]

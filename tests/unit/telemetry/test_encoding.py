"""Our encoder writes of our spans what the stock one writes of the SDK's."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from runtime.telemetry.spans.attributes import Facts
from runtime.telemetry.spans.encoding import encode
from runtime.telemetry.spans.span import FactSpan
from runtime.telemetry.spans.tracers import Tracers
from shared.attributes import AttributeSet

SCHEMA = "https://opentelemetry.io/schemas/1.25.0"
SERVICE = Resource({"service.name": "annex", "replicas": 2, "hosts": ["a", "b"]}, SCHEMA)
CLIENT = AttributeSet({"http.request.method": "GET", "server.port": 80, "user_agent.original": "ünïcode"})
ENDING = AttributeSet({"http.response.status_code": 200, "http.route": "/signals/{symbol}"})
NOTHING = AttributeSet()


def ids(trace: int = 1, span: int = 2, state: str | None = None, *, remote: bool = False) -> SpanContext:
    held = TraceState.from_header([state]) if state else None
    return SpanContext(trace, span, remote, TraceFlags(1), held)


def tracer(name: str = "annex", resource: Resource = SERVICE) -> Any:
    tracers = Tracers(resource)
    tracers.take = lambda _: None
    return tracers.get_tracer(name, "0.1.0", SCHEMA)


TRACER = tracer()


def finished(**given: Any) -> FactSpan:
    """Return a span of ours after its end."""
    parent: SpanContext | None = given.pop("parent", None)
    around = set_span_in_context(NonRecordingSpan(parent), Context()) if parent else Context()
    attributes = given.pop("attributes", AttributeSet({"http.route": "/signals/{symbol}", "left": 4.5}))
    maker, kind = given.pop("tracer", TRACER), given.pop("kind", SpanKind.SERVER)
    span = maker.start_span("GET /signals", around, kind, attributes, given.pop("links", ()), 7)
    assert type(span) is FactSpan
    span.end(9)
    for name, value in given.items():
        setattr(span, name, value)
    return span


def stock_of(span: FactSpan) -> ReadableSpan:
    """Return what the SDK would hand to an exporter."""
    attributes = span.facts.attributes() if isinstance(span.facts, Facts) else span.facts
    return ReadableSpan(
        span.name,
        span.context,
        span.parent,
        span.tracer.resource,
        attributes,
        links=span.linked,
        kind=span.kind,
        status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
        start_time=span.start_time,
        end_time=span.ended,
        instrumentation_scope=span.tracer.scope,
    )


def stock(spans: Sequence[FactSpan]) -> bytes:
    message: bytes = encode_spans([stock_of(span) for span in spans]).SerializeToString(deterministic=True)
    return message


def served(**given: Any) -> FactSpan:
    told = {"path": "/signals/SPY", "address": "203.0.113.9", "request_id": "r-1", "deadline_left": 4.5}
    return finished(facts=Facts(client=CLIENT, ending=ENDING, **{**told, **given}))


@pytest.mark.parametrize(
    "span",
    [
        finished(),
        finished(parent=ids(1, 3, remote=True)),
        finished(parent=ids(1, 3)),
        finished(parent=ids(1, 3, "vendor=a,other=b")),
        finished(context=ids(2**128 - 1, 2**64 - 1)),
        finished(name=""),
        finished(name="GET " + "/deep" * 100),
        finished(failed=True),
        finished(attributes=NOTHING),
        finished(attributes={"yes": True, "no": False, "one": 1, "zero": 0, "minus": -1, "half": 0.5}),
        finished(attributes={"least": 1 - 2**63, "most": 2**63 - 1, "tiny": 5e-324, "none": ""}),
        finished(attributes={"long": "x" * 1000, "häßlich": "ünïcode 🙂"}),
        finished(links=[Link(ids(9, 9, remote=True)), Link(ids(8, 8, "vendor=a"))]),
        finished(tracer=tracer(resource=Resource({}))),
        finished(tracer=tracer(resource=Resource({"a": 1}))),
        served(),
        served(deadline_left=None),
        served(deadline_left=-0.001),
        served(path="/" + "ä" * 1000),
    ],
)  # fmt: skip
def test_a_span_is_encoded_to_the_very_bytes_of_the_stock_encoder(span: FactSpan):
    assert encode([span]) == stock([span])
    assert encode([span]) == stock([span])  # and again, now from what was kept


@pytest.mark.parametrize("kind", SpanKind)
def test_every_kind_of_span_is_told(kind: SpanKind):
    span = finished(kind=kind)
    assert encode([span]) == stock([span])


def test_spans_are_grouped_by_scope():
    tracers = Tracers(SERVICE)
    tracers.take = lambda _: None
    server, database = tracers.get_tracer("annex", "1"), tracers.get_tracer("annex.database")
    spans = [finished(tracer=each) for each in (server, database, server)]
    assert encode(spans) == stock(spans)


def test_no_spans_are_an_empty_request():
    assert encode([]) == b""


TEXTS = some.text(alphabet=some.characters(exclude_categories=["Cs"]))
NUMBERS = some.integers(-(2**63), 2**63 - 1)
VALUES = some.one_of(TEXTS, some.booleans(), NUMBERS, some.floats(allow_nan=False))
KEYS = some.text(alphabet=some.characters(exclude_categories=["Cs"]), min_size=1)


@given(
    some.dictionaries(KEYS, VALUES, max_size=8),
    some.integers(1, 2**128 - 1),
    some.integers(1, 2**64 - 1),
    some.integers(1, 2**63),
    TEXTS,
)
def test_whatever_a_span_holds_arrives(values: Mapping[str, Any], trace: int, span: int, end: int, name: str):
    spans = [finished(attributes=AttributeSet(values), context=ids(trace, span), ended=end, name=name)]
    assert encode(spans) == stock(spans)


@given(TEXTS, TEXTS, TEXTS, some.one_of(some.none(), some.floats(allow_nan=False)))
def test_whatever_a_request_was_like_its_facts_arrive(
    path: str, address: str, request_id: str, left: float | None
):
    spans = [served(path=path, address=address, request_id=request_id, deadline_left=left)]
    assert encode(spans) == stock(spans)


@pytest.mark.parametrize(("path", "arrives"), [("/\ud800", "/?"), ("/a\udcffb", "/a?b")])
def test_half_a_surrogate_pair_costs_the_character_and_not_the_batch(path: str, arrives: str):
    found = ExportTraceServiceRequest.FromString(encode([served(path=path)]))
    attributes = found.resource_spans[0].scope_spans[0].spans[0].attributes
    assert arrives in [each.value.string_value for each in attributes]


def test_true_and_one_are_not_mixed_up_by_what_is_remembered():
    spans = [finished(attributes={"x": 1}), finished(attributes={"x": True})]
    assert [encode([span]) for span in spans] == [stock([span]) for span in spans]


def of_the_sdk(name: str, **given: Any) -> ReadableSpan:
    return ReadableSpan(name, ids(), resource=SERVICE, start_time=7, end_time=9, **given)


def names(message: bytes) -> list[str]:
    return [
        span.name
        for resource in ExportTraceServiceRequest.FromString(message).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def test_spans_of_the_sdk_leave_in_the_same_request():
    sdks = [of_the_sdk(f"sdk {number}") for number in range(70)]
    found = names(encode([sdks[0], finished(name="ours"), *sdks[1:]]))
    assert sorted(found) == sorted(["ours", *(span.name for span in sdks)])


def test_a_span_of_the_sdk_is_encoded_by_the_stock_encoder():
    span = of_the_sdk(
        "regime",
        parent=ids(1, 3, remote=True),
        attributes={"list": ("SPY", "GLD"), "map": {"a": 1}, "bytes": b"\xff", "nothing": None},
        events=[Event("exception", {"exception.type": "ValueError"}, 7)],
        links=[Link(ids(8, 8), {"why": "claimed"})],
        status=Status(StatusCode.ERROR, "UniqueViolation"),
        instrumentation_scope=InstrumentationScope("annex", "0.1.0"),
    )
    assert encode([span]) == encode_spans([span]).SerializeToString()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda name: of_the_sdk(name, attributes={"x": "\ud800"}),
        lambda name: of_the_sdk(name, attributes={"x": 2**80}),
        lambda name: of_the_sdk(name, events=[Event("\ud800", {}, 7)]),
        lambda _: of_the_sdk("\ud800"),
    ],
)
def test_a_span_that_cannot_be_encoded_costs_itself_at_most(
    spoil: Callable[[str], ReadableSpan], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING)
    found = names(encode([of_the_sdk("before"), spoil("spoiled"), finished(name="ours")]))
    assert {*found} - {"spoiled"} == {"ours", "before"}
    assert caplog.records

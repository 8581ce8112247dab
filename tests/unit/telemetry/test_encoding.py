"""Our encoder of spans writes what the stock one writes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
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
from runtime.telemetry.spans.inner import InnerSpans
from runtime.telemetry.spans.server import ServerSpan, Spans
from shared.attributes import AttributeSet

SERVICE = Resource({"service.name": "annex", "replicas": 2}, "https://opentelemetry.io/schemas/1.25.0")
SCOPE = InstrumentationScope("annex", "0.1.0", "https://opentelemetry.io/schemas/1.25.0")


def context(trace: int = 1, span: int = 2, state: str | None = None, *, remote: bool = False) -> SpanContext:
    held = TraceState.from_header([state]) if state else None
    return SpanContext(trace, span, remote, TraceFlags(1), held)


def finished(**given: Any) -> ReadableSpan:
    attributes = {
        "http.route": "/signals/{symbol}",
        "http.response.status_code": 200,
        "annex.deadline_left": 4.5,
    }
    defaults = {
        "name": "GET /signals/{symbol}",
        "context": context(),
        "kind": SpanKind.SERVER,
        "resource": SERVICE,
        "instrumentation_scope": SCOPE,
        "attributes": attributes,
        "start_time": 1_760_000_000_000_000_000,
        "end_time": 1_760_000_000_005_000_000,
    }
    return ReadableSpan(**{**defaults, **given})


def stock(spans: Sequence[ReadableSpan]) -> bytes:
    message: bytes = encode_spans(spans).SerializeToString(deterministic=True)
    return message


def attributes_of(message: bytes) -> list[KeyValue]:
    """Return the attributes of the one span in `message`."""
    span = ExportTraceServiceRequest.FromString(message).resource_spans[0].scope_spans[0].spans[0]
    return list(span.attributes)


@pytest.mark.parametrize(
    "span",
    [
        finished(),
        finished(parent=context(1, 3, remote=True)),
        finished(parent=context(1, 3)),
        finished(context=context(2**128 - 1, 2**64 - 1, "vendor=a,other=b")),
        finished(name=""),
        finished(name="GET " + "/deep" * 100),
        finished(status=Status(StatusCode.ERROR)),
        finished(status=Status(StatusCode.ERROR, "UniqueViolation")),
        finished(status=Status(StatusCode.OK)),
        finished(attributes={}),
        finished(attributes=None),
        finished(attributes={"yes": True, "no": False, "one": 1, "zero": 0, "minus": -1, "half": 0.5}),
        finished(attributes={"list": ("SPY", "GLD"), "map": {"a": 1}, "bytes": b"\xff", "nothing": None}),
        finished(attributes={"long": "x" * 1000, "none": "", "häßlich": "ünïcode 🙂"}),
        finished(events=[Event("exception", {"exception.type": "ValueError"}, 7), Event("gc", {}, 8)]),
        finished(links=[Link(context(9, 9, remote=True)), Link(context(8, 8), {"why": "claimed"})]),
        finished(instrumentation_scope=None),
        finished(resource=Resource({})),
        finished(resource=Resource({"a": 1})),
    ],
)  # fmt: skip
def test_a_span_is_encoded_to_the_very_bytes_of_the_stock_encoder(span: ReadableSpan):
    assert encode([span]) == stock([span])


@pytest.mark.parametrize("kind", SpanKind)
def test_every_kind_of_span_is_told(kind: SpanKind):
    assert encode([finished(kind=kind)]) == stock([finished(kind=kind)])


def test_spans_are_grouped_by_resource_and_scope():
    database = InstrumentationScope("annex.database")
    spans = [
        finished(),
        finished(instrumentation_scope=database),
        finished(),
        finished(resource=Resource({})),
    ]
    assert encode(spans) == stock(spans)


def test_no_spans_are_an_empty_request():
    assert encode([]) == b""


VALUES = some.one_of(
    some.text(alphabet=some.characters(exclude_categories=["Cs"])),
    some.booleans(),
    some.integers(-(2**63), 2**63 - 1),
    some.floats(allow_nan=False),
    some.binary(max_size=20),
    some.lists(some.integers(-(2**63), 2**63 - 1), max_size=4).map(tuple),
)
KEYS = some.text(alphabet=some.characters(exclude_categories=["Cs"]), min_size=1)


@given(
    some.dictionaries(KEYS, VALUES, max_size=8),
    some.integers(1, 2**128 - 1),
    some.integers(1, 2**64 - 1),
    some.integers(1, 2**63),
)
def test_whatever_an_attribute_holds_arrives(values: Mapping[str, Any], trace: int, span: int, end: int):
    spans = [finished(attributes=values, context=context(trace, span), end_time=end)]
    assert encode(spans) == stock(spans)


@pytest.mark.parametrize(("value", "arrives"), [("\ud800", "?"), ("a\udcffb", "a?b")])
def test_half_a_surrogate_pair_costs_the_character_and_not_the_batch(value: str, arrives: str):
    (attribute,) = attributes_of(encode([finished(attributes={"x": value})]))
    assert attribute.value.string_value == arrives


def test_a_number_that_fits_no_field_costs_the_attribute_and_not_the_batch():
    (attribute,) = attributes_of(encode([finished(attributes={"x": 2**80, "y": 1})]))
    assert attribute.key == "y"


def test_true_and_one_are_not_mixed_up_by_what_is_remembered():
    one, true = finished(attributes={"x": 1}), finished(attributes={"x": True})
    assert [encode([one]), encode([true])] == [stock([one]), stock([true])]


CLIENT = AttributeSet({"http.request.method": "GET", "server.port": 80, "user_agent.original": "ünïcode"})
ENDING = AttributeSet({"http.response.status_code": 200, "http.route": "/signals/{symbol}"})
TRACER: Any = TracerProvider(shutdown_on_exit=False).get_tracer("annex", "1")


def served(parent: SpanContext | None = None, links: Sequence[Link] = (), **given: Any) -> ServerSpan:
    """Return a server span before its end."""
    told = {"path": "/signals/SPY", "deadline_left": 4.5, "failed": False, **given}
    above = set_span_in_context(NonRecordingSpan(parent), Context()) if parent else Context()
    span = Spans(TRACER).start("GET", parent=above, links=links)
    assert isinstance(span, ServerSpan)
    facts = Facts(CLIENT, told["path"], "203.0.113.9", "r-1", ENDING, told["deadline_left"])
    span.finish("GET /signals/{symbol}", facts, failed=told["failed"])
    return span


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"parent": context(1, 3, remote=True)},
        {"parent": context(1, 3, "vendor=a", remote=True)},
        {"links": [Link(context(9, 9, remote=True))]},
        {"failed": True},
        {"deadline_left": None},
        {"deadline_left": -0.001},
        {"path": "/" + "ä" * 1000},
        {"path": "/\udcff"},
    ],
)
def test_the_facts_of_a_server_span_arrive_as_its_attributes_do(given: Mapping[str, Any]):
    span = served(**given)
    span.end()
    from_facts = encode([span])
    assert dict(span.attributes or {})["http.route"] == "/signals/{symbol}"
    assert from_facts == encode([span])
    if given.get("path") != "/\udcff":  # which the stock one refuses
        assert from_facts == stock([span])


@pytest.mark.parametrize(
    "use",
    [
        lambda span: span.add_event("exception", {"exception.type": "ValueError"}),
        lambda span: span.add_link(context(9, 9)),
        lambda span: span.set_attribute("symbol", "SPY"),
        lambda span: span.set_attribute("http.route", "/elsewhere"),
        lambda span: span.set_status(StatusCode.OK),
    ],
)
def test_what_a_function_adds_to_its_server_span_arrives_with_the_facts(use: Callable[[ServerSpan], None]):
    span = served()
    use(span)
    span.end()
    ours = encode([span])
    assert len(attributes_of(ours)) >= len(span.attributes or {})
    assert ours == stock([span])


@pytest.mark.parametrize(
    "use",
    [
        lambda _: None,
        lambda span: span.set_status(StatusCode.ERROR),
        lambda span: span.set_attribute("db.rows", 7),
        lambda span: span.add_event("retry"),
    ],
)
def test_a_span_within_a_request_arrives_whatever_became_of_it(use: Callable[[Any], None]):
    told = AttributeSet({"db.system.name": "postgresql", "db.cached": True, "db.rows": 1})
    parent = set_span_in_context(NonRecordingSpan(context()), Context())
    span: Any = InnerSpans(TRACER).start("SELECT Signal", parent, SpanKind.CLIENT, told)
    use(span)
    span.end()
    ours = encode([span])
    assert len(attributes_of(ours)) == len(told)
    assert ours == stock([span])

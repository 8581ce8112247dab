"""Spans as an OTLP request (`ExportTraceServiceRequest`), written field by field.

The stock encoder builds a tree of protobuf objects, some forty for a server span, which costs more than the
rest of a small request. Nearly everything repeats from span to span, and is encoded once and cached; events,
links and lists, which are rare, are left to the stock encoder. A test compares both byte by byte.
"""

# ruff: noqa: SLF001  # neither the stock encoder nor the SDK's span has public parts

import struct
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from opentelemetry.exporter.otlp.proto.common import _internal as stock
from opentelemetry.exporter.otlp.proto.common._internal import trace_encoder as stock_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.semconv.attributes.client_attributes import CLIENT_ADDRESS
from opentelemetry.semconv.attributes.url_attributes import URL_PATH
from opentelemetry.trace import SpanContext
from opentelemetry.trace import Status as ApiStatus
from opentelemetry.trace.span import DEFAULT_TRACE_STATE

from runtime.telemetry.spans.attributes import DEADLINE_LEFT, REQUEST_ID, Facts
from runtime.telemetry.spans.inner import InnerSpan
from runtime.telemetry.spans.server import ServerSpan
from runtime.telemetry.spans.wire import (
    CACHEABLE,
    attribute,
    attribute_head,
    cached_attribute,
    counter,
    double,
    field,
    message_fields,
    text_attribute,
    utf8,
    written,
)
from shared.attributes import AttributeSet

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    type Scopes = dict[InstrumentationScope | None, list[bytes]]

_YIELD_EVERY = 64  # spans, which take about a tenth of a millisecond

# The tags of a span's fields, in their order: number << 3 | wire type. The ids' lengths never change.
_TRACE_ID, _SPAN_ID, _STATE, _PARENT_ID = b"\x0a\x10", b"\x12\x08", 0x1A, b"\x22\x08"
_NAME, _KIND = 0x2A, 0x30
_START, _END, _LOST_ATTRIBUTES = 0x39, 0x41, 0x50
_EVENT, _LOST_EVENTS, _LINK, _LOST_LINKS, _STATUS, _FLAGS = 0x5A, 0x60, 0x6A, 0x70, 0x7A, b"\x85\x01"

_LOW = 2**64 - 1
_ids = struct.Struct(">2sQQ2sQ").pack
_times = struct.Struct("<BQBQ").pack
_flags = struct.Struct("<2sI").pack


class CompactExporter(OTLPSpanExporter):
    """The stock exporter in all but its encoder."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send `spans`; what the collector does not accept is lost, as with the stock exporter."""
        if self._shutdown:
            return SpanExportResult.FAILURE
        sent = self._client.export(encode(spans))
        return SpanExportResult.SUCCESS if sent.success else SpanExportResult.FAILURE


def encode(spans: Sequence[ReadableSpan]) -> bytes:
    """Return the request that exports `spans`, grouped by resource and scope.

    It runs in the exporter's thread, and releases the interpreter after every few spans: requests would
    otherwise wait for milliseconds.
    """
    groups: dict[Resource, Scopes] = {}
    # By identity: a resource that is asked for its hash writes itself as JSON.
    known: dict[tuple[int, int], list[bytes]] = {}
    for number, span in enumerate(spans, 1):
        resource, scope = span._resource, span._instrumentation_scope
        messages = known.get((id(resource), id(scope)))
        if messages is None:
            messages = groups.setdefault(resource, {}).setdefault(scope, [])
            known[id(resource), id(scope)] = messages
        messages.append(field(0x12, encode_span(span)))
        if number % _YIELD_EVERY == 0:
            time.sleep(0)
    return b"".join(field(0x0A, _resource_spans(resource, scopes)) for resource, scopes in groups.items())


def encode_span(span: ReadableSpan) -> bytes:
    """Return the message of one span."""
    kind = type(span)  # isinstance() asks the API's abstract class at length
    if (kind is InnerSpan or kind is ServerSpan) and (plain := _encode_plain(span)):
        return plain
    context, parent, status = span.context, span.parent, span.status
    parts = [_identity(context, parent), _named(span.name, span.kind.value)]
    parts.append(_times(_START, span.start_time, _END, span.end_time))
    for key, value in _plain(span.attributes).items():
        parts.append(cached_attribute(key, value) if type(value) in CACHEABLE else attribute(key, value))
    parts += counter(_LOST_ATTRIBUTES, span.dropped_attributes)
    if span.events:
        parts += message_fields(_EVENT, stock_spans._encode_events(span.events))
    parts += counter(_LOST_EVENTS, span.dropped_events)
    if span.links:
        parts += message_fields(_LINK, stock_spans._encode_links(span.links))
    parts += counter(_LOST_LINKS, span.dropped_links)
    parts.append(_tail(status, None if parent is None else parent.is_remote))
    return b"".join(parts)


def _encode_plain(span: Any) -> bytes | None:
    """Return the message of a lean span that has only its facts, None for any other.

    Contexts are tuples and are read as such: each of their names is a call.
    """
    facts = span.facts
    if facts is None or span._events or span._links:
        return None
    parent = span._parent
    return b"".join(
        (
            _identity(span._context, parent),
            _named(span._name, span._kind._value_),
            _times(_START, span._start_time, _END, span._end_time),
            (facts.written or written(facts)) if type(facts) is AttributeSet else _of_facts(facts),
            _tail(span._status, None if parent is None else parent[2]),
        )
    )


def _of_facts(facts: Facts) -> bytes:
    """Return the attributes of a server span, in the order of its facts."""
    client, path, address, request_id, ending, left = facts
    return b"".join(
        (
            client.written or written(client),
            text_attribute(URL_PATH, path),
            cached_attribute(CLIENT_ADDRESS, address),
            text_attribute(REQUEST_ID, request_id),
            ending.written or written(ending),
            b"" if left is None else attribute_head(DEADLINE_LEFT, 9) + double(0x21, left),
        )
    )


def _identity(context: SpanContext, parent: SpanContext | None) -> bytes:
    trace_id, span_id, _, _, state, _ = context
    identity = _ids(_TRACE_ID, trace_id >> 64, trace_id & _LOW, _SPAN_ID, span_id)
    if state is not DEFAULT_TRACE_STATE and state:
        identity += field(_STATE, state.to_header().encode())
    return identity if parent is None else identity + _PARENT_ID + parent[1].to_bytes(8)


def _plain(attributes: Any) -> dict[str, Any]:
    """Return a dict: going through the SDK's own mapping asks its methods for each key and each value."""
    copied: dict[str, Any] = attributes.copy() if attributes else {}
    return copied


@lru_cache(1024)
def _named(name: str, kind: int) -> bytes:
    """Return name and kind, which is one less in the API than on the wire."""
    return (field(_NAME, utf8(name)) if name else b"") + bytes((_KIND, kind + 1))


@lru_cache(64)
def _tail(status: ApiStatus, is_remote: bool | None) -> bytes:  # noqa: FBT001  # remembered by place
    """Return status and flags; `is_remote` of the parent, None without one."""
    message = Status(code=cast("Any", status.status_code.value), message=status.description or "")
    parent = None if is_remote is None else SpanContext(1, 1, is_remote)
    return field(_STATUS, message.SerializeToString()) + _flags(_FLAGS, stock_spans._span_flags(parent))


def _resource_spans(resource: "Resource", scopes: "Scopes") -> bytes:
    parts = [field(0x0A, stock._encode_resource(resource).SerializeToString())]
    for scope, spans in scopes.items():
        head = (
            field(0x0A, stock._encode_instrumentation_scope(scope).SerializeToString())
            if scope
            else b"\x0a\x00"
        )
        url = scope.schema_url if scope else None
        tail = field(0x1A, url.encode()) if url else b""
        parts.append(field(0x12, b"".join((head, *spans, tail))))
    if resource.schema_url:
        parts.append(field(0x1A, resource.schema_url.encode()))
    return b"".join(parts)

"""Spans as an OTLP request (`ExportTraceServiceRequest` of opentelemetry-proto), written field by field.

The stock encoder builds a tree of protobuf objects, some forty for a server span, which costs more than the
rest of a small request. Nearly everything in a `FactSpan` repeats from span to span, and is encoded once and
cached; spans of the SDK, which are few, are left to the stock encoder. A test compares both byte by byte.
"""

import logging
import struct
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import batched

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.semconv.attributes.client_attributes import CLIENT_ADDRESS
from opentelemetry.semconv.attributes.url_attributes import URL_PATH
from opentelemetry.trace import INVALID_SPAN_CONTEXT, SpanContext
from opentelemetry.trace.span import DEFAULT_TRACE_STATE

from runtime.telemetry.spans.attributes import DEADLINE_LEFT, REQUEST_ID, USER_ID, Facts
from runtime.telemetry.spans.span import FactSpan, Maker
from shared.attributes import AttributeSet, Plain

logger = logging.getLogger(__name__)

CACHED_ATTRIBUTES = 512  # attributes; the limits of a span bound their length
_AT_ONCE = 64  # spans, which take about a tenth of a millisecond

# The tags of the fields, in their order: number << 3 | wire type. The ids' lengths never change.
_TRACE_ID, _SPAN_ID, _STATE, _PARENT_ID = b"\x0a\x10", b"\x12\x08", 0x1A, b"\x22\x08"
_NAME, _KIND, _START, _END, _ATTRIBUTE, _LINK = 0x2A, 0x30, 0x39, 0x41, 0x4A, 0x6A
_LINK_FLAGS, _NO_STATUS, _ERROR_STATUS, _FLAGS = b"\x35", b"\x7a\x00", b"\x7a\x02\x18\x02", b"\x85\x01"
_IS_LOCAL, _IS_REMOTE = (0x100).to_bytes(4, "little"), (0x300).to_bytes(4, "little")

_LOW = 2**64 - 1
_ids = struct.Struct(">2sQQ2sQ").pack
_times = struct.Struct("<BQBQ").pack
_double = struct.Struct("<Bd").pack


def encode(spans: Sequence[FactSpan | ReadableSpan]) -> bytes:
    """Return the request that exports `spans`, grouped by resource and scope.

    It runs in the exporter's thread, and releases the interpreter after every few spans: requests would
    otherwise wait for milliseconds.
    """
    ours: dict[Maker, list[bytes]] = defaultdict(list)
    others: list[ReadableSpan] = []
    for number, span in enumerate(spans, 1):
        if isinstance(span, ReadableSpan):
            others.append(span)
        else:
            ours[span.tracer].append(_field(0x12, _encode(span)))
        if number % _AT_ONCE == 0:
            time.sleep(0)
    # Requests add up when they are concatenated.
    return b"".join((_ours(ours), *_by_the_sdk(others)))


def _ours(spans: Mapping[Maker, Sequence[bytes]]) -> bytes:
    """Return the request of encoded spans of one service, and so of one resource."""
    scopes, resource, schema = [], b"", ""
    for tracer, encoded in spans.items():
        blank = ReadableSpan(
            "", INVALID_SPAN_CONTEXT, resource=tracer.resource, instrumentation_scope=tracer.scope
        )
        (head,) = encode_spans([blank]).resource_spans
        (scope,) = head.scope_spans
        name = _field(0x0A, scope.scope.SerializeToString())
        scopes.append(_field(0x12, b"".join((name, *encoded, _text(0x1A, scope.schema_url)))))
        resource, schema = _field(0x0A, head.resource.SerializeToString()), head.schema_url
    return _field(0x0A, b"".join((resource, *scopes, _text(0x1A, schema)))) if scopes else b""


def _by_the_sdk(spans: Sequence[ReadableSpan]) -> Iterator[bytes]:
    """Yield requests of the stock encoder; a span that it cannot encode costs itself alone."""
    for some in batched(spans, _AT_ONCE):  # the last may be smaller
        try:
            yield encode_spans(some).SerializeToString()
        except Exception as error:  # noqa: BLE001  # of any class: a library chose what is in it
            if len(some) > 1:
                yield from (part for span in some for part in _by_the_sdk([span]))
            else:
                logger.warning("A span cannot be sent as OTLP and is left out: %s", type(error).__name__)
        time.sleep(0)


def _encode(span: FactSpan) -> bytes:
    """Return the message of one span. Contexts are read as the tuples they are: each name is a call."""
    facts, parent = span.facts, span.parent
    return b"".join(
        (
            _identity(span.context, parent),
            _named(span.name, span.kind.value),
            _times(_START, span.start_time, _END, span.ended or 0),
            _of_facts(facts) if isinstance(facts, Facts) else facts.written or _written(facts),
            b"".join([_link(link.context) for link in span.linked]) if span.linked else b"",
            _ERROR_STATUS if span.failed else _NO_STATUS,
            _FLAGS,
            _IS_REMOTE if parent is not None and parent[2] else _IS_LOCAL,
        )
    )


def _of_facts(facts: Facts) -> bytes:
    """Return the attributes of a server span, in the order of its facts."""
    client, path, address, request_id, ending, left, user_id = facts
    return b"".join(
        (
            client.written or _written(client),
            _text_attribute(URL_PATH, path),
            _address(address),
            _text_attribute(REQUEST_ID, request_id),
            ending.written or _written(ending),
            b"" if left is None else _attribute(DEADLINE_LEFT, left),
            _text_attribute(USER_ID, user_id) if user_id else b"",
        )
    )


def _identity(context: SpanContext, parent: SpanContext | None) -> bytes:
    trace_id, span_id, _, _, state, _ = context
    identity = _ids(_TRACE_ID, trace_id >> 64, trace_id & _LOW, _SPAN_ID, span_id)
    if state is not DEFAULT_TRACE_STATE and state:
        identity += _text(_STATE, state.to_header())
    return identity if parent is None else identity + _PARENT_ID + parent[1].to_bytes(8)


def _link(context: SpanContext) -> bytes:
    """Return a link, which names the span without its trace state, as the stock encoder's does."""
    identity = _ids(_TRACE_ID, context.trace_id >> 64, context.trace_id & _LOW, _SPAN_ID, context.span_id)
    return _field(_LINK, identity + _LINK_FLAGS + (_IS_REMOTE if context.is_remote else _IS_LOCAL))


@lru_cache(1024)
def _named(name: str, kind: int) -> bytes:
    """Return name and kind, which is one less in the API than on the wire."""
    return _text(_NAME, name) + bytes((_KIND, kind + 1))


def _written(attributes: AttributeSet) -> bytes:
    """Return the attributes as bytes, which are kept on them."""
    attributes.written = b"".join([_attribute(key, value) for key, value in attributes.items()])
    return attributes.written


def _attribute(key: str, value: Plain) -> bytes:
    match value:
        case bool():
            content = b"\x10" + bytes((value,))
        case str():
            return _text_attribute(key, value)
        case int():
            content = b"\x18" + _varint(value & _LOW)
        case float():
            content = _double(0x21, value)
    return _head(key, len(content)) + content


@lru_cache(CACHED_ATTRIBUTES)
def _address(address: str) -> bytes:
    return _text_attribute(CLIENT_ADDRESS, address)


def _text_attribute(key: str, text: str) -> bytes:
    content = _utf8(text)
    return _text_head(key, len(content)) + content


@lru_cache(CACHED_ATTRIBUTES)
def _text_head(key: str, size: int) -> bytes:
    """Return all of a text attribute but its text, which is `size` bytes."""
    head = _field_head(0x0A, size)
    return _head(key, len(head) + size) + head


@lru_cache(CACHED_ATTRIBUTES)
def _head(key: str, size: int) -> bytes:
    """Return all of an attribute but its value, which is `size` bytes."""
    head = _text(0x0A, key) + _field_head(0x12, size)
    return _field_head(_ATTRIBUTE, len(head) + size) + head


def _text(tag: int, text: str) -> bytes:
    """Return a field that holds a text, nothing for an empty one."""
    return _field(tag, _utf8(text)) if text else b""


def _field(tag: int, content: bytes) -> bytes:
    """Return a field that holds bytes, a text or a message."""
    return _field_head(tag, len(content)) + content


@lru_cache(4096)
def _field_head(tag: int, size: int) -> bytes:
    return bytes((tag,)) + _varint(size)


def _utf8(text: str) -> bytes:
    """Encode as protobuf demands; half a surrogate pair, which UTF-8 cannot hold, becomes a question mark."""
    return text.encode(errors="replace")


def _varint(number: int) -> bytes:
    """Return a number in base 128, lowest digits first (protobuf, Encoding)."""
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    digits.append(number)
    return bytes(digits)

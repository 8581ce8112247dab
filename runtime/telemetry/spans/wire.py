"""The protobuf wire format: fields, and the attributes of a span; what repeats is cached."""

# ruff: noqa: SLF001  # the stock encoder has no public parts

import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from opentelemetry.exporter.otlp.proto.common import _internal as stock

from shared.attributes import AttributeSet

CACHED_ATTRIBUTES = 512  # attributes; the limits of a span bound their length
_TAG = 0x4A  # number << 3 | wire type
double = struct.Struct("<Bd").pack


def written(attributes: AttributeSet) -> bytes:
    """Return the attributes as bytes, which are kept on them."""
    attributes.written = b"".join(attribute(key, value) for key, value in attributes.items())
    return attributes.written


def attribute(key: str, value: Any) -> bytes:
    """Return one attribute of a span; lists and other rare values are left to the stock encoder."""
    match value:
        case bool():
            content = b"\x10" + bytes((value,))
        case str():
            return text_attribute(key, value)
        case int() if -(2**63) <= value < 2**63:
            content = b"\x18" + varint(value & (2**64 - 1))
        case float():
            return attribute_head(key, 9) + double(0x21, value)
        case _:
            return b"".join(message_fields(_TAG, stock._encode_attributes({key: value})))
    return attribute_head(key, len(content)) + content


def text_attribute(key: str, text: str) -> bytes:
    """Return an attribute whose value is a text."""
    content = utf8(text)
    return _text_head(key, len(content)) + content


@lru_cache(CACHED_ATTRIBUTES)
def _text_head(key: str, size: int) -> bytes:
    """Return all of a text attribute but its text, which is `size` bytes."""
    head = _field_head(0x0A, size)
    return attribute_head(key, len(head) + size) + head


@lru_cache(CACHED_ATTRIBUTES)
def attribute_head(key: str, size: int) -> bytes:
    """Return all of an attribute but its value, which is `size` bytes."""
    head = field(0x0A, utf8(key)) + _field_head(0x12, size)
    return _field_head(_TAG, len(head) + size) + head


CACHEABLE = frozenset({bool, int, str})
cached_attribute = lru_cache(CACHED_ATTRIBUTES, typed=True)(attribute)


def message_fields(tag: int, many: Iterable[Any] | None) -> list[bytes]:
    """Return a field for each message."""
    return [field(tag, each.SerializeToString()) for each in many or ()]


def counter(tag: int, number: int) -> tuple[bytes, ...]:
    """Return a field that holds a number, nothing for 0."""
    return (bytes((tag,)), varint(number)) if number else ()


def field(tag: int, content: bytes) -> bytes:
    """Return a field that holds bytes, a text or a message."""
    return _field_head(tag, len(content)) + content


@lru_cache(4096)
def _field_head(tag: int, size: int) -> bytes:
    return bytes((tag,)) + varint(size)


def utf8(text: str) -> bytes:
    """Encode as protobuf demands; half a surrogate pair, which UTF-8 cannot hold, becomes a question mark."""
    return text.encode(errors="replace")


def varint(number: int) -> bytes:
    """Return a number in base 128, lowest digits first (protobuf, Encoding)."""
    digits = bytearray()
    while number > 127:
        digits.append(number & 127 | 128)
        number >>= 7
    digits.append(number)
    return bytes(digits)

"""Codecs that replace the driver's: JSON as values, addresses and bits as text, timestamps from an Instant.

An interval with months is refused, of which the driver would make 30 days each.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from ipaddress import ip_address, ip_interface
from typing import Any

import asyncpg
import msgspec

_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001  what the server counts from
_MICROSECOND = timedelta(microseconds=1)
_INFINITY, _MINUS_INFINITY = 2**63 - 1, -(2**63)
_DAY = timedelta(days=1)
_MAX, _MIN = datetime.max, datetime.min  # noqa: DTZ901  infinity, as the driver has it


async def set_codecs(connection: asyncpg.Connection) -> None:
    """Set them on a new connection; sends nothing."""
    for name, encoder, decoder in _BINARY:  # which COPY needs
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=encoder, decoder=decoder, format="binary"
        )
    await connection.set_type_codec(
        "timestamp", schema="pg_catalog", encoder=_microseconds, decoder=_datetime, format="tuple"
    )
    await connection.set_type_codec(
        "interval", schema="pg_catalog", encoder=_parts, decoder=_timedelta, format="tuple"
    )


def _jsonb(value: object) -> bytes:
    return b"\x01" + msgspec.json.encode(value)


def _from_jsonb(value: bytes) -> object:
    return _decode(memoryview(value)[1:])


def _address(value: object) -> bytes:
    """An address or network, as Prisma and Drizzle write one; after RFC 4632 for `cidr` too."""
    address = ip_interface(str(value))
    family = 2 if address.version == 4 else 3
    return bytes([family, address.network.prefixlen, 0, len(address.packed)]) + address.packed


def _from_address(value: bytes) -> str:
    _, bits, is_network, _ = value[:4]
    address = ip_address(bytes(value[4:]))
    return str(address) if bits == address.max_prefixlen and not is_network else f"{address}/{bits}"


def _bits(value: object) -> bytes:
    text = str(value)
    size = (len(text) + 7) // 8
    return len(text).to_bytes(4) + int(text.ljust(size * 8, "0") or "0", 2).to_bytes(size)


def _from_bits(value: bytes) -> str:
    length = int.from_bytes(value[:4])
    return "".join(f"{byte:08b}" for byte in value[4:])[:length]


_decode = msgspec.json.Decoder().decode
_BINARY: tuple[tuple[str, Callable[[Any], bytes], Callable[[bytes], Any]], ...] = (
    ("json", msgspec.json.encode, _decode),
    ("jsonb", _jsonb, _from_jsonb),
    ("inet", _address, _from_address),
    ("cidr", _address, _from_address),
    ("bit", _bits, _from_bits),
    ("varbit", _bits, _from_bits),
)


def _microseconds(value: date) -> tuple[int]:
    """Write a datetime with a time zone in UTC, as Prisma and Drizzle do; one without as it is."""
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    if moment in {_MAX, _MIN}:
        return (_INFINITY if moment == _MAX else _MINUS_INFINITY,)
    return ((moment - _EPOCH) // _MICROSECOND,)


def _datetime(value: tuple[int]) -> datetime:
    if value[0] in {_INFINITY, _MINUS_INFINITY}:
        return _MAX if value[0] == _INFINITY else _MIN
    return _EPOCH + timedelta(microseconds=value[0])


def _parts(value: timedelta) -> tuple[int, int, int]:
    """Months, days and microseconds."""
    return 0, value.days, (value - value.days * _DAY) // _MICROSECOND


def _timedelta(value: tuple[int, int, int]) -> timedelta:
    months, days, microseconds = value
    if months:
        raise ValueError("months have no fixed length")
    return timedelta(days=days, microseconds=microseconds)

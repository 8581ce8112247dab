"""Codecs that replace the driver's: JSON as values, addresses and bits as text, timestamps from an Instant.

An interval with months is refused, of which the driver would make 30 days each.
"""

from datetime import UTC, date, datetime, time, timedelta

import asyncpg
import msgspec

_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001  what the server counts from
_MICROSECOND = timedelta(microseconds=1)
_INFINITY, _MINUS_INFINITY = 2**63 - 1, -(2**63)
_DAY = timedelta(days=1)
_MAX, _MIN = datetime.max, datetime.min  # noqa: DTZ901  infinity, as the driver has it


async def set_codecs(connection: asyncpg.Connection) -> None:
    """Set them on a new connection; sends nothing."""
    decode = msgspec.json.Decoder().decode
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=_json, decoder=decode)
    for name in ("inet", "cidr", "bit", "varbit"):  # as Prisma and Drizzle have them
        await connection.set_type_codec(name, schema="pg_catalog", encoder=str, decoder=str)
    await connection.set_type_codec(
        "timestamp", schema="pg_catalog", encoder=_microseconds, decoder=_datetime, format="tuple"
    )
    await connection.set_type_codec(
        "interval", schema="pg_catalog", encoder=_parts, decoder=_timedelta, format="tuple"
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


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

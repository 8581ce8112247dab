"""A hundred rows, each with one of its own inside."""

from datetime import UTC, datetime

from msgspec import Struct


class Source(Struct):
    """Where a reading comes from."""

    name: str
    delay: float


class Reading(Struct):
    """One reading."""

    id: int
    symbol: str
    value: float
    at: datetime
    note: str | None
    source: Source


class Readings(Struct):
    """A page of readings."""

    items: list[Reading]
    next_cursor: str | None


NOW = datetime(2026, 11, 25, tzinfo=UTC)


async def get() -> Readings:
    """Return the page."""
    return Readings([Reading(i, "SPY", 0.5, NOW, None, Source("desk", 1.5)) for i in range(100)], None)

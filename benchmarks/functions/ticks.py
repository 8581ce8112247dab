"""A stream of a hundred events."""

from collections.abc import AsyncIterator

from runtime import Event


class Tick(Event, tag="tick"):
    """One of a hundred."""

    number: int


async def get() -> AsyncIterator[Tick]:
    """Yield them."""
    for number in range(100):
        yield Tick(number=number)

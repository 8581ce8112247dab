from collections.abc import AsyncIterator

from runtime import Event


class Tick(Event, tag="tick"):
    value: complex


async def get() -> AsyncIterator[Tick]:
    yield Tick(value=1j)

from collections.abc import AsyncIterator

from runtime import Event


class Tick(Event, tag='tick'):
    value: float


async def get() -> AsyncIterator[Tick]:
    yield Tick(value=1)

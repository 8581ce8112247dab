# holds: the neighbours are answered
# own: 200
from runtime import Function

config = Function(public=True, timeout=3)

from collections.abc import AsyncIterator

from runtime import Event


class Tick(Event, tag="tick"):
    n: int


async def get() -> AsyncIterator[Tick]:
    """Answer."""
    yield Tick(n=1)
    raise ValueError

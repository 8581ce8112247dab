# holds: the client compiles, or the file is named
# own: 200,503
from runtime import Function

config = Function(public=True)
from msgspec import Struct


class readonly(Struct):
    x: int


async def get() -> readonly | None:
    """Answer."""
    return None

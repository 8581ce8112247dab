# holds: the client compiles, or the file is named
# own: 200,503
from runtime import Function

config = Function(public=True)
from msgspec import Struct


class Object(Struct):
    x: int


T = Object


async def get() -> T | None:
    """Answer."""
    return None

# holds: the client compiles, or the file is named
# own: 200,503
from runtime import Function

config = Function(public=True)
from msgspec import Struct


import msgspec


class T(Struct):
    x: int = msgspec.field(name="a\nb")


async def get() -> T | None:
    """Answer."""
    return None

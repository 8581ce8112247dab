# holds: the client compiles, or the file is named
# own: 200,503
from runtime import Function

config = Function(public=True)
from msgspec import Struct


from enum import Enum


class Side(Enum):
    A = 'a"; evil(); "'


class T(Struct):
    x: Side


async def get() -> T | None:
    """Answer."""
    return None

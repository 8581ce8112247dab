# holds: the client compiles, or the file is named
# own: 200,503
from runtime import Function

config = Function(public=True)
from msgspec import Struct


class infer(Struct):
    x: int


async def get() -> infer | None:
    """Answer."""
    return None

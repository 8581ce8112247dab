# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

x = bytearray(1 << 46)


async def get() -> str:
    """Answer."""
    return "own"

# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

x = [0] * (1 << 44)


async def get() -> str:
    """Answer."""
    return "own"

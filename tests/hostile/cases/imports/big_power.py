# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

x = 10**10**9


async def get() -> str:
    """Answer."""
    return "own"

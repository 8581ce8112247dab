# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

sum(range(10**13))


async def get() -> str:
    """Answer."""
    return "own"

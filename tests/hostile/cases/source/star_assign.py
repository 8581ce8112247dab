# holds: the file is quarantined, its neighbours serve
# own: 401,503
from runtime import Function

config = Function(public=True)


async def get() -> str:
    """Answer."""
    return "own"
*x = 1

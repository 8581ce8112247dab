# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

from . import nothing_here


async def get() -> str:
    """Answer."""
    return "own"

# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

from os import *

del open
raise open


async def get() -> str:
    """Answer."""
    return "own"

# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import os

os.dup2(os.open(os.devnull, os.O_RDWR), 5)


async def get() -> str:
    """Answer."""
    return "own"

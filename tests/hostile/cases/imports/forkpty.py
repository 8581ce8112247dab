# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import os

os.forkpty()


async def get() -> str:
    """Answer."""
    return "own"

# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import os

os.closerange(0, 20)


async def get() -> str:
    """Answer."""
    return "own"

# holds: the file is quarantined, its neighbours serve
# own: 200,503
from runtime import Function

config = Function(public=True)

import os

os.nice(19)


async def get() -> str:
    """Answer."""
    return "own"

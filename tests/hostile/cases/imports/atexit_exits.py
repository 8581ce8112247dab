# holds: the neighbours serve
# own: 200
from runtime import Function

config = Function(public=True)

import atexit
import os

atexit.register(os._exit, 5)


async def get() -> str:
    """Answer."""
    return "own"

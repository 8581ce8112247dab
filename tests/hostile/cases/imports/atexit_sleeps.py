# holds: the neighbours serve
# own: 200
from runtime import Function

config = Function(public=True)

import atexit
import time

atexit.register(time.sleep, 1000)


async def get() -> str:
    """Answer."""
    return "own"

# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import threading

lock = threading.Lock()
lock.acquire()
lock.acquire()


async def get() -> str:
    """Answer."""
    return "own"

# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import os
import threading
import time


def later():
    time.sleep(0.05)
    os._exit(4)


threading.Thread(target=later).start()


async def get() -> str:
    """Answer."""
    return "own"

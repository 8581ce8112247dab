# holds: the neighbours serve
# own: 200
from runtime import Function

config = Function(public=True)

import threading
import time

threading.Thread(target=time.sleep, args=(1000,)).start()


async def get() -> str:
    """Answer."""
    return "own"

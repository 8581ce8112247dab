# holds: the neighbours serve
# own: 200
from runtime import Function

config = Function(public=True)

import threading
import time

for _ in range(50):
    threading.Thread(target=time.sleep, args=(5,), daemon=True).start()


async def get() -> str:
    """Answer."""
    return "own"

# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import os
import signal

os.kill(os.getpid(), signal.SIGKILL)


async def get() -> str:
    """Answer."""
    return "own"

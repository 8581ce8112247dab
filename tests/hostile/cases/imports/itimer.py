# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import signal

signal.setitimer(signal.ITIMER_REAL, 0.5)


async def get() -> str:
    """Answer."""
    return "own"

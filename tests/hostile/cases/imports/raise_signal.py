# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import signal

signal.raise_signal(signal.SIGKILL)


async def get() -> str:
    """Answer."""
    return "own"

# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import _thread

_thread.interrupt_main()


async def get() -> str:
    """Answer."""
    return "own"

# holds: it is put back and the file is named, its neighbours serve
# own: any
from runtime import Function

config = Function(public=True)

import asyncio

asyncio.set_event_loop_policy(None)


async def get() -> str:
    """Answer."""
    return "own"

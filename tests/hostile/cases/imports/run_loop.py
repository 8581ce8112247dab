# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import asyncio


async def wait():
    await asyncio.sleep(1000)


asyncio.run(wait())


async def get() -> str:
    """Answer."""
    return "own"

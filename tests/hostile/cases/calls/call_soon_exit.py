# holds: the neighbours are answered
# own: any
# costs: worker
from runtime import Function

config = Function(public=True, timeout=3)


async def get() -> str:
    """Answer."""
    import asyncio
    import sys

    asyncio.get_running_loop().call_soon(sys.exit)
    await asyncio.sleep(1)
    return ""

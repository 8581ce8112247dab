# holds: the neighbours are answered
# own: any
from runtime import Function

config = Function(public=True, timeout=3)


async def get() -> str:
    """Answer."""
    import asyncio
    import time

    await asyncio.gather(*(asyncio.to_thread(time.sleep, 8) for _ in range(40)))
    return ""

# holds: the neighbours are answered
# own: any
from runtime import Function

config = Function(public=True, timeout=3)


async def get() -> str:
    """Answer."""
    import asyncio

    for task in asyncio.all_tasks():
        task.cancel()
    await asyncio.sleep(1)
    return ""

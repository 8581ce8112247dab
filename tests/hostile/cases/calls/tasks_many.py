# holds: the neighbours are answered
# own: 200
from runtime import Function

config = Function(public=True, timeout=3)


async def get() -> str:
    """Answer."""
    import asyncio

    for _ in range(10_000):
        asyncio.create_task(asyncio.sleep(1000))
    return ""

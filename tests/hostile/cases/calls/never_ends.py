# holds: the neighbours are answered
# own: 504
from runtime import Function

config = Function(public=True, timeout=3)


async def get() -> str:
    """Answer."""
    import asyncio

    await asyncio.Event().wait()
    return ""

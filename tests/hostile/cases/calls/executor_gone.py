# holds: the neighbours are answered
# own: any
from runtime import Function

config = Function(public=True, timeout=3)


async def get() -> str:
    """Answer."""
    import asyncio

    await asyncio.get_running_loop().shutdown_default_executor()
    return ""

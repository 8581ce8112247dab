# holds: the neighbours are answered
# own: any
from runtime import Function

config = Function(public=True, timeout=3)


async def get() -> str:
    """Answer."""
    import asyncio

    asyncio.get_running_loop().set_exception_handler(lambda *a: 1 / 0)
    return ""

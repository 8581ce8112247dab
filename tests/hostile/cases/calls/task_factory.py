# holds: the neighbours are answered
# own: any
# costs: worker
from runtime import Function

config = Function(public=True, timeout=3)


async def get() -> str:
    """Answer."""
    import asyncio

    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    return ""

# holds: the neighbours are answered
# own: any
# costs: worker
from runtime import Function

config = Function(public=True, timeout=3)


async def get() -> str:
    """Answer."""
    import os

    os._exit(3)

# holds: the neighbours are answered
# own: 500
from runtime import Function

config = Function(public=True, timeout=3)


async def get() -> str:
    """Answer."""
    raise KeyboardInterrupt

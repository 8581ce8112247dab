# holds: nobody gets in who could not before
# own: 503
from runtime import Function

config = Function(public=True)


async def get() -> str:
    """Answer."""
    return "own"


async def other() -> str:
    return "other"


globals()["get"] = other

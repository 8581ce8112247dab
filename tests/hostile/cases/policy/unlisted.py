# holds: nobody gets in who could not before
# own: 401
from runtime import Function

config = Function(public=True)


async def get() -> str:
    """Answer."""
    return "own"

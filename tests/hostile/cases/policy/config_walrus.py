# holds: nobody gets in who could not before
# own: 401,503
from runtime import Function

config = Function()
[config := Function(public=True) for _ in range(1)]


async def get() -> str:
    """Answer."""
    return "own"

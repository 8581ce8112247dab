# holds: nobody gets in who could not before
# own: 401,503
from runtime import Function

config = Function(public=True, rate={"a": 1, "a": 2})


async def get() -> str:
    """Answer."""
    return "own"

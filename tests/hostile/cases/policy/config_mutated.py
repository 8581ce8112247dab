# holds: nobody gets in who could not before
# own: 401,503
from runtime import Function

config = Function()
object.__setattr__(config, "public", True)


async def get() -> str:
    """Answer."""
    return "own"

# holds: nobody gets in who could not before
# own: 401,503
from runtime import Function

yes = True
config = Function(public=yes)


async def get() -> str:
    """Answer."""
    return "own"

# holds: nobody gets in who could not before
# own: 401,503
from runtime import Function

CONFIG = Function(permission="org:x:y")


async def get() -> str:
    """Answer."""
    return "own"

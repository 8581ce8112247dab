# holds: nobody gets in who could not before
# own: 401,503
from runtime import Function

config = Function(permission="org:x:y")
del config


async def get() -> str:
    """Answer."""
    return "own"

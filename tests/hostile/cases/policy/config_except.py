# holds: nobody gets in who could not before
# own: 401,503
from runtime import Function

config = Function()
try:
    raise ValueError
except ValueError as config:
    pass


async def get() -> str:
    """Answer."""
    return "own"

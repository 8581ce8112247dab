# holds: nobody gets in who could not before
# own: any
from runtime import Function

from runtime import Function as F

config = F(public=True)


async def get() -> str:
    """Answer."""
    return "own"

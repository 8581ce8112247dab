# holds: nobody gets in who could not before
# own: 401,503
from runtime import Function

from ._weak import config


async def get() -> str:
    """Answer."""
    return "own"

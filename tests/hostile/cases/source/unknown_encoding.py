# coding: klingon
# own: 401
from runtime import Function

config = Function(public=True)


async def get() -> str:
    """Answer."""
    return "own"

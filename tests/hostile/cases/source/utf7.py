# coding: utf-7
# own: any
from runtime import Function

config = Function(public=True)


async def get() -> str:
    """Answer."""
    return "own"

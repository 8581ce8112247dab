# holds: nobody gets in who could not before
# own: 401,503
from runtime import Function

import contextlib

config = Function()
with contextlib.nullcontext(Function(public=True)) as config:
    pass


async def get() -> str:
    """Answer."""
    return "own"

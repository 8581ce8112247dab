# holds: it harms nothing and serves, its neighbours too
# own: 200
from runtime import Function

config = Function(public=True)

import ctypes

f = ctypes.CFUNCTYPE(None)


def again():
    call()


call = f(again)
call()


async def get() -> str:
    """Answer."""
    return "own"

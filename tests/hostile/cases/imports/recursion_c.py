# holds: the file is quarantined, its neighbours serve
# own: 200,503
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

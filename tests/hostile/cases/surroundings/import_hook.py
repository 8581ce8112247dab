# holds: it is put back and the file is named, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import builtins


def no(*a, **k):
    raise ImportError


builtins.__import__ = no


async def get() -> str:
    """Answer."""
    return "own"

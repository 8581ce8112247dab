# holds: it is put back and the file is named, its neighbours serve
# own: any
from runtime import Function

config = Function(public=True)

import gc

gc.callbacks.append(lambda *a: 1 / 0)


async def get() -> str:
    """Answer."""
    return "own"

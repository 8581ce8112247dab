# holds: it is put back and the file is named, its neighbours serve
# own: any
from runtime import Function

config = Function(public=True)

import sys

sys.modules[1] = None


async def get() -> str:
    """Answer."""
    return "own"

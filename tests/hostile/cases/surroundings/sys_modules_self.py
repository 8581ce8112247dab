# holds: it is put back and the file is named, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import sys

sys.modules[__name__] = None


async def get() -> str:
    """Answer."""
    return "own"

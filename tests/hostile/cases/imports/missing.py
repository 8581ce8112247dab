# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import no_such_package


async def get() -> str:
    """Answer."""
    return "own"

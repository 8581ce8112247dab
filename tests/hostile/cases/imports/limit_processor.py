# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import resource

resource.setrlimit(resource.RLIMIT_CPU, (1, 1))


async def get() -> str:
    """Answer."""
    return "own"

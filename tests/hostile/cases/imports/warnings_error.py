# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import warnings

warnings.simplefilter("error")
warnings.warn("x")


async def get() -> str:
    """Answer."""
    return "own"

# holds: it harms nothing and serves, its neighbours too
# own: 200
from runtime import Function

config = Function(public=True)

import os

os.nice(19)


async def get() -> str:
    """Answer."""
    return "own"

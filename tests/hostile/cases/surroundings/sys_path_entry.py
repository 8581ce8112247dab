# holds: it is put back and the file is named, its neighbours serve
# own: 200
from runtime import Function

config = Function(public=True)

import sys

sys.path.insert(0, "/nowhere")


async def get() -> str:
    """Answer."""
    return "own"

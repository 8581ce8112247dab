# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import os
import tempfile

path = tempfile.mkdtemp() + "/fifo"
os.mkfifo(path)
open(path)


async def get() -> str:
    """Answer."""
    return "own"

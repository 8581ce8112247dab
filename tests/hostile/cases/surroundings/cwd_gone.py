# holds: it is put back and the file is named, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import os
import tempfile

with tempfile.TemporaryDirectory() as d:
    os.chdir(d)


async def get() -> str:
    """Answer."""
    return "own"

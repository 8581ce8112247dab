# holds: it is put back and the file is named, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import sys

sys.modules.pop("json", None)
import json

sys.modules.pop("json")


async def get() -> str:
    """Answer."""
    return "own"

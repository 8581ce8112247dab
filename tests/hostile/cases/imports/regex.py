# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import re

re.match(r"(a+)+$", "a" * 60 + "b")


async def get() -> str:
    """Answer."""
    return "own"

# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import sys


def hook(event, given):
    if event == "open":
        raise RuntimeError


sys.addaudithook(hook)


async def get() -> str:
    """Answer."""
    return "own"

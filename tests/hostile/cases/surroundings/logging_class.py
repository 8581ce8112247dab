# holds: it is put back and the file is named, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import logging

logging.Logger.handle = None


async def get() -> str:
    """Answer."""
    return "own"

# holds: it is put back and the file is named, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import logging.config

logging.config.dictConfig({"version": 1})


async def get() -> str:
    """Answer."""
    return "own"

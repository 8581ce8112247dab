# holds: it is put back and the file is named, its neighbours serve
# own: any
from runtime import Function

config = Function(public=True)

import faulthandler

faulthandler.dump_traceback_later(3, exit=True)


async def get() -> str:
    """Answer."""
    return "own"

# holds: it is put back and the file is named, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import threading
threading.settrace(lambda *a: 1 / 0)


async def get() -> str:
    """Answer."""
    return "own"

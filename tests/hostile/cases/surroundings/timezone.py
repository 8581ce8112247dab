# holds: it is put back and the file is named, its neighbours serve
# own: any
from runtime import Function

config = Function(public=True)

import os
import time

os.environ["TZ"] = "Asia/Tokyo"
time.tzset()


async def get() -> str:
    """Answer."""
    return "own"

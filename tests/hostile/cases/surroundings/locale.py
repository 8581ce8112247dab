# holds: it is put back and the file is named, its neighbours serve
# own: any
from runtime import Function

config = Function(public=True)

import locale

locale.setlocale(locale.LC_ALL, "C")


async def get() -> str:
    """Answer."""
    return "own"

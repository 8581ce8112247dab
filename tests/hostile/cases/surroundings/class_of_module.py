# holds: it is put back and the file is named, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

import sys
import types


class Bad(types.ModuleType):
    @property
    def __file__(self):
        raise SystemExit


sys.modules[__name__].__class__ = Bad


async def get() -> str:
    """Answer."""
    return "own"

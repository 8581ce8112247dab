# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)


class Bad(Exception):
    @property
    def __traceback__(self):
        raise SystemExit


raise Bad


async def get() -> str:
    """Answer."""
    return "own"

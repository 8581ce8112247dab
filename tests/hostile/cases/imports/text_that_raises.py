# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)


class Bad(Exception):
    def __str__(self):
        raise ValueError


raise Bad


async def get() -> str:
    """Answer."""
    return "own"

# holds: the neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)


def __getattr__(name):
    raise SystemExit


async def get() -> str:
    """Answer."""
    return "own"

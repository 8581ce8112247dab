# holds: the neighbours are answered
# own: 500,503
from runtime import Function

config = Function(public=True, timeout=3)


async def get() -> str:
    """Answer."""
    import sys

    sys.exit(3)

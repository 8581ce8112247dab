# holds: the neighbours are answered
# own: 500
from runtime import Function

config = Function(public=True, timeout=3)


async def get() -> str:
    """Answer."""

    class Bad(Exception):
        def __str__(self):
            raise SystemExit

    raise Bad

# holds: the neighbours serve
# own: 200
from runtime import Function

config = Function(public=True)

print("x" * 100_000)


async def get() -> str:
    """Answer."""
    return "own"

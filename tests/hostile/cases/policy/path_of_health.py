# holds: nobody gets in who could not before
# own: 404
from runtime import Function

config = Function(public=True, path="/health")


async def get() -> str:
    """Answer."""
    return "own"

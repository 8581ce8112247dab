# holds: nobody gets in who could not before
# own: 401,503
from runtime import Function

config = Function()
for config in [Function(public=True)]:
    pass


async def get() -> str:
    """Answer."""
    return "own"

# holds: nobody gets in who could not before
# own: 401,503
from runtime import Function

config = Function()

match Function(public=True):
    case config:
        pass


async def get() -> str:
    """Answer."""
    return "own"

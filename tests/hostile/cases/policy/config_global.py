# holds: nobody gets in who could not before
# own: 401,503
from runtime import Function

config = Function()


def weaken():
    global config
    config = Function(public=True)


weaken()


async def get() -> str:
    """Answer."""
    return "own"

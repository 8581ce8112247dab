# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)


class End(BaseException): ...


raise End


async def get() -> str:
    """Answer."""
    return "own"

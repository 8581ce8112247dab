from runtime import Function

config = Function(public=True)

from nowhere import nothing


async def get() -> str:
    return "ok"

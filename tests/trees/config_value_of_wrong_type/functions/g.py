from runtime import Function

config = Function(cache=None)


async def get() -> str:
    return "ok"

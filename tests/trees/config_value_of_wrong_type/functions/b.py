from runtime import Function

config = Function(timeout=-1)


async def get() -> str:
    return "ok"

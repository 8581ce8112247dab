from runtime import Function

config = Function(True)


async def get() -> str:
    return "ok"

from runtime import Function

config = Function(colour='red')


async def get() -> str:
    return "ok"

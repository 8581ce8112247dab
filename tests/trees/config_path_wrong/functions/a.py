from runtime import Function

config = Function(path='well-known')


async def get() -> str:
    return "ok"

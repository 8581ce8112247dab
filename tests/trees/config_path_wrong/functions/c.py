from runtime import Function

config = Function(path='/d')


async def get() -> str:
    return "ok"

from runtime import Function

config = Function(feature='org:alerts', plan='user:pro')


async def get() -> str:
    return "x"

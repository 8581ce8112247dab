from runtime import Function

config = Function(methods={'GET': {'timeout': 3}})


async def get() -> str:
    return "ok"

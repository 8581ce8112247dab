from runtime import Function

config = Function(methods={'get': {'timeout': 0}})


async def get() -> str:
    return "ok"

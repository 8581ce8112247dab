from runtime import Function

config = Function(methods={'get': {'timeout': 60}})


async def get() -> str:
    return "ok"

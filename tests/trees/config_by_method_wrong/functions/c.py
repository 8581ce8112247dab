from runtime import Function

config = Function(methods={'get': {'timeot': 3}})


async def get() -> str:
    return "ok"

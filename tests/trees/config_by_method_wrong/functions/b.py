from runtime import Function

config = Function(methods={'get': {'public': True}})


async def get() -> str:
    return "ok"

from runtime import Function

config = Function(methods={'post': {'timeout': 60}})


async def get() -> str:
    return "ok"

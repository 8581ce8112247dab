from runtime import Function

config = Function(timeout=5, methods={'post': {'timeout': 60}})


async def get() -> str:
    return "ok"


async def post() -> None:
    return None

from runtime import Function

config = Function(timeout=60)


async def get() -> str:
    return "ok"

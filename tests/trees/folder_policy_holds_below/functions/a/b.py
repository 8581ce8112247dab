from runtime import Function

config = Function(timeout=5, tags=('one',))


async def get() -> str:
    return "ok"

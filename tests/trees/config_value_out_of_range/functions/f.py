from runtime import Function

config = Function(cache=-1)

async def get() -> str:
    return "ok"

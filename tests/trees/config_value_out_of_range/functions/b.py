from runtime import Function

config = Function(token_types=())

async def get() -> str:
    return "ok"

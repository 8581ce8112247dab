from runtime import Function

config = Function(token_types=('cookie',))


async def get() -> str:
    return "ok"

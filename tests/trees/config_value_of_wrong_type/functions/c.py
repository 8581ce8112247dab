from runtime import Function

config = Function(rate_limit='20 per minute')


async def get() -> str:
    return "ok"

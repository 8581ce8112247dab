from runtime import Function

config = Function(rate_limit='2/second')


async def get() -> str:
    return "ok"

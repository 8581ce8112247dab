from runtime import Function

config = Function(timeout=3, rate_limit='1/second', reverification='strict_mfa')


async def get() -> str:
    return "ok"

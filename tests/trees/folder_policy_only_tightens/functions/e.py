from runtime import Function

config = Function(reverification='lax')


async def get() -> str:
    return "ok"

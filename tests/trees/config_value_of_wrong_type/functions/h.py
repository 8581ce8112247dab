from runtime import Function

config = Function(reverification='weekly')


async def get() -> str:
    return "ok"

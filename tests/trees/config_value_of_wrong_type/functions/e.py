from runtime import Function

config = Function(status=404)


async def get() -> str:
    return "ok"

from runtime import Function

config = Function(status=204)


async def get() -> str:
    return "ok"

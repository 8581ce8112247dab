from runtime import Function

Config = Function(public=True)


async def get() -> str:
    return "ok"

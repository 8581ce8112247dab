from runtime import Function

settings = Function(public=True)


async def get() -> str:
    return "ok"

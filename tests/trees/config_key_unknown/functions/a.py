from runtime import Function

config = Function(publik=True)


async def get() -> str:
    return "ok"

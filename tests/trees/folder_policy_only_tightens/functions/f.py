from runtime import Function

config = Function(read_only=False)


async def get() -> str:
    return "ok"

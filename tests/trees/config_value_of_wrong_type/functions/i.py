from runtime import Function

config = Function(concurrency=True)


async def get() -> str:
    return "ok"

from runtime import Function

config = Function(queue=5)


async def get() -> str:
    return "ok"

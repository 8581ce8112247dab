from runtime import Function

SECONDS = 5
config = Function(timeout=SECONDS * 2)


async def get() -> str:
    return "ok"

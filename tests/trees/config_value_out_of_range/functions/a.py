from runtime import Function

config = Function(concurrency=1, queue=-1)

async def get() -> str:
    return "ok"

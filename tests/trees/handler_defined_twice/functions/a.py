async def get() -> str:
    return "ok"


async def get() -> str:
    return "ok"

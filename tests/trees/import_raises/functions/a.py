VALUE = 1 / 0


async def get() -> str:
    return "ok"

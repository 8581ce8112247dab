return 1


async def get() -> str:
    return "ok"

async def get() -> str:
    return "ok"

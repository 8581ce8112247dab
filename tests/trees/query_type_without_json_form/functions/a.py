async def get(level: complex) -> str:
    return "ok"

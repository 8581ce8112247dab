async def get(limit: "1 / 0") -> str:
    return "ok"

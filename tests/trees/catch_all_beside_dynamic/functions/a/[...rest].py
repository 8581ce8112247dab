async def get(rest: str) -> str:
    return rest

async def get(key: str) -> str:
    return key

async def get(id: str) -> str:
    return id

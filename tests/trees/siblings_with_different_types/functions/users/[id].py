async def get(id: int) -> int:
    return id

async def get(id: str, post: str) -> str:
    return id

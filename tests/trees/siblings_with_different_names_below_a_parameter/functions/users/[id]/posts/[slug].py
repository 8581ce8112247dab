async def get(id: str, slug: str) -> str:
    return id

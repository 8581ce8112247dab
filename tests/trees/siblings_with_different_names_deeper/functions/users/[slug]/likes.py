async def get(slug: str) -> str:
    return slug

async def post(slug: str) -> str:
    return slug

async def get(path: str) -> str:
    return path

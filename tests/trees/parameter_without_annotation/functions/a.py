async def get(limit=20) -> str:
    return 'ok'

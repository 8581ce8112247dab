async def get(key: list[str]) -> str:
    return 'ok'

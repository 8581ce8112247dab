async def get(*symbols: str, **rest: str) -> str:
    return 'ok'

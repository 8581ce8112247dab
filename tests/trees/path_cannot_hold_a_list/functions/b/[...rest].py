async def get(rest: int) -> str:
    return 'ok'

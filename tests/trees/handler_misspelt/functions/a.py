async def pots() -> str:
    return 'ok'

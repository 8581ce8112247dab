async def get(symbol: str) -> str:
    return symbol

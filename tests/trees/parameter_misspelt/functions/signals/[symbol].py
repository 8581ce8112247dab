async def get(symbl: str) -> str:
    return symbl

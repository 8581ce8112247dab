async def Get() -> str:
    return 'ok'


async def post() -> None:
    return None

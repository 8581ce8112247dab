async def post(data: complex) -> str:
    return "ok"

from runtime import Upload


async def post(data: Upload) -> None:
    return None

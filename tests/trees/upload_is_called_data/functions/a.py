from runtime import Upload


async def post(chart: Upload) -> None:
    return None

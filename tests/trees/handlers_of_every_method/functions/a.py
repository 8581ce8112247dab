async def get() -> None:
    return None


async def post() -> None:
    return None


async def put() -> None:
    return None


async def patch() -> None:
    return None


async def delete() -> None:
    return None

from ._shared import X


async def get() -> int:
    return X

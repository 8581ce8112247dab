from collections.abc import AsyncIterator


async def get() -> AsyncIterator[int]:
    yield 1

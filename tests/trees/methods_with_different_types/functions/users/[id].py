from uuid import UUID


async def get(id: int) -> int:
    return id


async def delete(id: UUID) -> None:
    return None

from msgspec import Struct


class Reading(Struct):
    level: int


async def get() -> list[Reading]:
    return []

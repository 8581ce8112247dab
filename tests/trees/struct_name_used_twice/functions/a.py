from msgspec import Struct


class Reading(Struct):
    value: float


async def get() -> Reading:
    return Reading(1)

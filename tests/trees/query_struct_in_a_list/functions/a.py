from msgspec import Struct


class Level(Struct):
    value: float


async def get(levels: list[Level]) -> str:
    return "ok"

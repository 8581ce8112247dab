from msgspec import Struct


class Filter(Struct):
    symbol: str


async def get(data: Filter) -> str:
    return 'ok'

from msgspec import Struct


class Filter(Struct):
    symbol: str


async def get(where: Filter) -> str:
    return 'ok'


async def post(signal: Filter) -> None:
    return None

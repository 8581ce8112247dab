from msgspec import Struct


def make(kind: type) -> type[Struct]:
    class Level(Struct):
        value: kind

    return Level


One, Other = make(int), make(str)


async def get() -> One:
    return One(1)


async def post(data: Other) -> None:
    return None

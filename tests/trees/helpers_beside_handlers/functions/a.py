def head(levels: list[int]) -> int:
    return levels[0]


def gets() -> int:
    return 1


async def get() -> str:
    return "ok"

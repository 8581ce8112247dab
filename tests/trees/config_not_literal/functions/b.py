from runtime import Function

config = dict(public=True)


async def get() -> str:
    return "ok"

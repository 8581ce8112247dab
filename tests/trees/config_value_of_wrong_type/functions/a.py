from runtime import Function

config = Function(public='yes')


async def get() -> str:
    return "ok"

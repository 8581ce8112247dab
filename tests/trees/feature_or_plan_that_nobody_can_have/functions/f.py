from runtime import Function

config = Function(plan='')


async def get() -> str:
    return "x"

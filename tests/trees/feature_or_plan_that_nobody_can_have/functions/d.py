from runtime import Function

config = Function(plan='team:pro')


async def get() -> str:
    return "x"

from runtime import Function

config = Function(plan='pro plan')


async def get() -> str:
    return "x"

from runtime import Function

config = Function(feature='org:')


async def get() -> str:
    return "x"

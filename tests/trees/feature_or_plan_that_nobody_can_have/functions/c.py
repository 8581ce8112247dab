from runtime import Function

config = Function(feature='x:beta')


async def get() -> str:
    return "x"

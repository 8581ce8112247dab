from runtime import Function

config = Function(feature=':beta')


async def get() -> str:
    return "x"

from runtime import Function

config = Function(feature='alerts')


async def get() -> str:
    return "x"

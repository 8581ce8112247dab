from runtime import Function

config = Function(methods={'get': {'feature': 'x:beta'}})


async def get() -> str:
    return "x"

from runtime import Function

config = Function(feature='alerts,exports')


async def get() -> str:
    return "x"

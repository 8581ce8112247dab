from runtime import Function

config = Function()
config = Function(public=True)


async def get() -> str:
    return "ok"

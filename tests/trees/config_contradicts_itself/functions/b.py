from runtime import Function

config = Function(public=True, webhook='clerk')


async def get() -> str:
    return "ok"

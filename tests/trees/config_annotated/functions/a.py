from runtime import Function

config: Function = Function(public=True)

async def get() -> str:
    return "ok"

from runtime import Function

config = Function(public=True, path='/.well-known/jwks.json')


async def get() -> str:
    return "ok"

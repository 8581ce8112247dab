from runtime import Function

config = Function(permission='org:other:read')


async def get() -> str:
    return "ok"

from runtime import Function

config = Function(permission='signals:read')


async def get() -> str:
    return "ok"

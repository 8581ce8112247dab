from runtime import Function

config = Function(public=True, permission='org:signals:read')


async def get() -> str:
    return "ok"

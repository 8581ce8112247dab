from runtime import Function

config = Function(token_types=('session', 'api_key'))


async def get() -> str:
    return "ok"

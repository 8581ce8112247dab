from runtime import User


async def get(user: User | None) -> str:
    return 'ok'

from runtime import User


async def get(user: User | int) -> str:
    return "ok"

from runtime import Function, User

config = Function(public=True)


async def get(user: User) -> str:
    return 'ok'

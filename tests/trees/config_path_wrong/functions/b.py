from runtime import Function

config = Function(path='/x/{id}')


async def get() -> str:
    return "ok"

from runtime import Function

config = Function(path='/x')

async def get(id: str) -> str:
    return id

# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)


async def get(limit: "__import__('os')._exit(0)" = 1) -> str:
    return ""

# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)


def hang():
    while True:
        pass


async def get(limit: "hang()" = 1) -> str:
    return ""

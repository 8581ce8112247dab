# holds: the file is quarantined, its neighbours serve
# own: 200,503
from runtime import Function

config = Function(public=True)


class Odd(int):
    def __repr__(self):
        raise SystemExit


async def get(limit: int = Odd(1)) -> str:
    return ""

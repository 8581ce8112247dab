# holds: it harms nothing and serves, its neighbours too
# own: 200
from runtime import Function

config = Function(public=True)


class Odd(int):
    def __repr__(self):
        raise SystemExit


async def get(limit: int = Odd(1)) -> str:
    return ""

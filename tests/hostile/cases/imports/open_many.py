# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

x = []
for _ in range(20_000):
    x.append(open("/dev/null"))


async def get() -> str:
    """Answer."""
    return "own"

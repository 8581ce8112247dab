# holds: the file is quarantined, its neighbours serve
# own: 503
from runtime import Function

config = Function(public=True)

x = []
while True:
    x.append(bytearray(1 << 26))


async def get() -> str:
    """Answer."""
    return "own"

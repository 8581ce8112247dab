# holds: the neighbours are answered
# own: any
from runtime import Function

config = Function(public=True, timeout=3)


async def get() -> str:
    """Answer."""
    globals()["held"] = [open("/dev/null") for _ in range(20_000)]
    return ""

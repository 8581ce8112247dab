# holds: the neighbours are answered
# own: 200,500,504
from runtime import Function

config = Function(public=True, timeout=3)


async def get() -> str:
    """Answer."""
    import logging

    for _ in range(20_000):
        logging.error("x")
    return ""

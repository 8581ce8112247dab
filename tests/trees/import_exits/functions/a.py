import sys

sys.exit(3)


async def get() -> str:
    return "ok"

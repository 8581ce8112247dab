"""A function that waits, as for another service."""

import asyncio


async def get() -> str:
    """Return after 50 ms."""
    await asyncio.sleep(0.05)
    return "done"

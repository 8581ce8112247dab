"""What libraries import only when they begin to serve: a spare that is called has no time for it."""

import asyncio

import uvicorn
from litestar.events import SimpleEventEmitter
from uvicorn.lifespan import on  # noqa: F401  # uvicorn imports it by name


def import_late() -> None:
    """Import it now, by a beginning of nothing on a loop of the kind that will serve."""
    factory = uvicorn.Config(_begin, log_config=None).get_loop_factory()
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_begin())


async def _begin() -> None:
    async with SimpleEventEmitter([]):  # anyio imports what belongs to asyncio with its first use
        pass

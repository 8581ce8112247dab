"""The lifespan protocol of ASGI, as one context manager."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from runtime.asgi.messages import Receive, Send

logger = logging.getLogger(__name__)


async def live(running: AbstractAsyncContextManager[None], receive: Receive, send: Send) -> None:
    """Enter `running` when the server starts and leave it when the server stops."""
    await receive()
    try:
        async with running:
            await send({"type": "lifespan.startup.complete"})
            await receive()
    except Exception:
        logger.exception("start-up or shutdown failed")
        await send({"type": "lifespan.startup.failed", "message": "see the log"})
        raise
    await send({"type": "lifespan.shutdown.complete"})


@asynccontextmanager
async def in_own_task(running: AbstractAsyncContextManager[None]) -> AsyncIterator[None]:
    """Enter and leave `running` in one task of its own, as task groups inside of it demand."""
    settled, over = asyncio.Event(), asyncio.Event()

    async def run() -> None:
        async with running:
            settled.set()
            await over.wait()

    task = asyncio.create_task(run(), name="lifespan")
    task.add_done_callback(lambda _: settled.set())
    try:
        await settled.wait()
        if task.done():
            task.result()
        yield
    finally:
        if not settled.is_set():
            task.cancel()
        over.set()
        await asyncio.wait([task])
    task.result()

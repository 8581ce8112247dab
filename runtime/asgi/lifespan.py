"""The lifespan protocol of ASGI, as one context manager."""

import logging
from contextlib import AbstractAsyncContextManager

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

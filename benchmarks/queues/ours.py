"""Ours: `jobs.enqueue` as functions call it, without the request around it."""

import asyncio
import os
import sys
import time

from benchmarks.queues.note import PAUSE, SINGLES, queueing
from runtime.app import create_app
from runtime.settings import load


async def produce(count: int) -> None:
    """Queue so many; for 1, single jobs that carry when they were sent."""
    application = create_app(load(os.environ))
    async with application.running():
        desk = application.desk
        for _ in range(SINGLES if count == 1 else 0):
            await desk.enqueue(None, "/bench", time.time(), key=None, delay=0)
            await asyncio.sleep(PAUSE)
        with queueing():
            for start in range(0, count if count > 1 else 0, 100):
                batch = range(start, min(count, start + 100))
                await asyncio.gather(*(desk.enqueue(None, "/bench", 0.0, key=None, delay=0) for _ in batch))


if __name__ == "__main__":
    asyncio.run(produce(int(sys.argv[1])))

"""streaq: streams, at least once."""

import asyncio
import sys
import time

from note import PAUSE, SINGLES, URL, note, queueing
from streaq import Worker

worker = Worker(redis_url=URL, concurrency=10)


@worker.task()
async def job(sent: float) -> None:
    note(sent)


async def produce(count: int) -> None:
    async with worker:
        for _ in range(SINGLES if count == 1 else 0):
            await job.enqueue(time.time())
            await asyncio.sleep(PAUSE)
        with queueing():
            for start in range(0, count if count > 1 else 0, 100):
                await worker.enqueue_many([job.enqueue(0.0) for _ in range(start, min(count, start + 100))])


if __name__ == "__main__":
    asyncio.run(produce(int(sys.argv[1])))

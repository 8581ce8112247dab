"""SAQ: lists, no liveness by default."""

import asyncio
import sys
import time
from typing import Any

from note import PAUSE, SINGLES, URL, note, queueing
from saq import Queue

queue = Queue.from_url(URL)


async def job(_: dict[str, Any], *, sent: float) -> None:
    note(sent)


settings = {"queue": queue, "functions": [job], "concurrency": 10}


async def produce(count: int) -> None:
    await queue.connect()
    for _ in range(SINGLES if count == 1 else 0):
        await queue.enqueue("job", sent=time.time())
        await asyncio.sleep(PAUSE)
    with queueing():
        for start in range(0, count if count > 1 else 0, 100):
            batch = range(start, min(count, start + 100))
            await asyncio.gather(*(queue.enqueue("job", sent=0.0) for _ in batch))
    await queue.disconnect()


if __name__ == "__main__":
    asyncio.run(produce(int(sys.argv[1])))

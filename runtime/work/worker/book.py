"""What one try writes of its run: progress, steps, sleeps."""

import asyncio
from collections.abc import Awaitable, Callable

from runtime.work.queue.queue import Queue, Sleep, Taken
from runtime.work.queue.seal import Seal
from shared.errors import Unavailable
from shared.work import Asleep, RunTakenOver

SLEEP = "sleep:"  # before the names of sleeps, where those of steps have "step:"
STEP = "step:"


class Book:
    """Writes for one try, again and again while the queue is away: the keeper ends what takes too long.

    Attributes:
        is_asleep: the run was given back; whatever the job does now, this try is over.
    """

    def __init__(self, queue: Queue, seal: Seal, worker: str, run: Taken) -> None:
        self._queue = queue
        self._seal = seal
        self._worker = worker
        self._run = run
        self.is_asleep = False

    async def progress(self, done: float) -> None:
        """As `RunBook.progress`; one that is not written is followed by another."""
        self._check()
        await self._queue.progress(self._worker, self._run, done)

    async def steps(self) -> dict[str, bytes]:
        """As `RunBook.steps`."""
        found = await persistent(lambda: self._queue.steps(self._run.id))
        return {
            name.removeprefix(STEP): self._seal.open(self._run.id, name, text)
            for name, text in found.items()
            if name.startswith(STEP)
        }

    async def keep(self, name: str, result: bytes) -> None:
        """As `RunBook.keep`."""
        self._check()
        field = f"{STEP}{name}"
        sealed = self._seal.close(self._run.id, field, result)
        if not await persistent(lambda: self._queue.keep(self._worker, self._run, field, sealed)):
            raise RunTakenOver

    async def sleep(self, name: str, seconds: float) -> None:
        """As `RunBook.sleep`."""
        self._check()
        field = f"{SLEEP}{name}"
        done = await persistent(lambda: self._queue.sleep(self._worker, self._run, field, seconds))
        if done is Sleep.LOST:
            raise RunTakenOver
        if done is Sleep.BEGUN:
            self.is_asleep = True
            raise Asleep

    def _check(self) -> None:
        if self.is_asleep:
            raise RunTakenOver


async def persistent[T](write: Callable[[], Awaitable[T]]) -> T:
    """Do `write` until the queue takes it."""
    wait = 0.1
    while True:
        try:
            return await write()
        except Unavailable:
            await asyncio.sleep(wait)
            wait = min(2.0, 2 * wait)

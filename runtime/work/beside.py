"""The worker that `annex serve` has beside it: `annex work` as a child, which ends with the service."""

import asyncio
import logging
import sys
from contextlib import suppress
from types import TracebackType

logger = logging.getLogger(__name__)

DRAIN = 3.0  # seconds that its jobs have to finish; what does not is handed back and costs no try
END = 5.5  # seconds until it is killed: the service closes within six
PAUSE = 5.0  # seconds before another one is started


class WorkerBeside:
    """Inside `async with`, one `annex work` runs; one that ends by itself is replaced."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._tending: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    async def __aenter__(self) -> "WorkerBeside":
        self._tending = asyncio.create_task(self._tend(), name="worker beside")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._tending is None:
            return
        done, _ = await asyncio.wait([self._tending], timeout=END)
        if not done:
            self._tending.cancel()
            if self._process is not None:
                with suppress(ProcessLookupError):
                    self._process.kill()

    def stop(self) -> None:
        """Ask it to end; do so when the service begins to."""
        self._stopping.set()
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.terminate()

    async def _tend(self) -> None:
        command = [sys.executable, "-m", "runtime.commands.cli", "work", "--drain", str(DRAIN)]
        while not self._stopping.is_set():
            self._process = await asyncio.create_subprocess_exec(*command)
            if self._stopping.is_set():  # since it was asked for
                self.stop()
            status = await self._process.wait()
            if not self._stopping.is_set():
                logger.error("the worker for jobs ended with status %d; another one is started", status)
                await asyncio.sleep(PAUSE)

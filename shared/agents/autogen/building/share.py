"""What one run may use of the process for its tools, so that no run uses what the others need."""

import asyncio
import inspect
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from threading import BoundedSemaphore
from typing import Any

from shared.agents.tool import Tool
from shared.errors import Overloaded

MAX_CALLS_PER_RUN = 4
"""Tool calls of one run at once; the others of a model's answer wait for them."""

MAX_BLOCKING_CALLS = 400
"""Blocking calls of the process at once: those too whose run has ended, since a thread cannot be."""


class Shares:
    """Gives each run a `Share`."""

    def __init__(self) -> None:
        self._free = BoundedSemaphore(MAX_BLOCKING_CALLS)

    def share(self) -> "Share":
        """Return the share of one run; whoever asks closes it."""
        return Share(self._free)


class Share:
    """The tool calls of one run: `async def` on the loop, `def` in threads of its own."""

    def __init__(self, free: BoundedSemaphore) -> None:
        self._free = free
        self._slots = asyncio.Semaphore(MAX_CALLS_PER_RUN)
        self._threads = ThreadPoolExecutor(MAX_CALLS_PER_RUN, thread_name_prefix="agent-tool")

    async def call(self, function: Tool, arguments: Mapping[str, Any]) -> Any:
        """Call a tool once the run has a free slot.

        Raises:
            Overloaded: the process has as many blocking calls under way as it allows.
        """
        async with self._slots:
            if inspect.iscoroutinefunction(function):
                return await function(**arguments)
            return await self._block(partial(copy_context().run, function, **arguments))

    def close(self) -> None:
        """Begin no further call; a thread that still blocks runs on to its end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _block(self, call: partial[Any]) -> Any:
        if not self._free.acquire(blocking=False):
            raise Overloaded("Too many blocking tools are running.", retry_after=5)
        try:
            future = self._threads.submit(call)
        except RuntimeError:  # the run is over
            self._free.release()
            raise
        future.add_done_callback(lambda _: self._free.release())
        return await asyncio.wrap_future(future)

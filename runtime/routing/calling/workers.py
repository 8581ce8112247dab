"""Threads for plain `def` functions, a few for each function, so that none can starve another.

A call that outlives its deadline keeps its thread until it returns, so stuck calls stay within the
function's own number; and the threads are daemons, so a stuck one cannot hold the process at its exit.
Neither holds for the pools of asyncio and anyio, which is why this one exists.
"""

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

IDLE = 10.0  # seconds after which a thread without work ends
type _Job = tuple[asyncio.AbstractEventLoop, asyncio.Future[Any], Callable[[], Any]]


class Workers:
    """At most `size` threads, started when needed.

    Args:
        name: shown in thread names.
        size: calls that may run at once; more wait in order.
    """

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._threads = 0
        self._idle = 0

    async def run(self, function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """Call `function` in a thread, with this task's context variables, and return its value.

        Cancelling stops the waiting, and the call too if no thread has taken it yet.
        """
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        with self._changed:
            self._jobs.append((loop, future, lambda: context.run(function, **arguments)))
            if self._idle < len(self._jobs) and self._threads < self._size:
                self._threads += 1
                threading.Thread(target=self._work, name=self._name, daemon=True).start()
            self._changed.notify()
        return await future

    def _work(self) -> None:
        while job := self._next():
            loop, future, call = job
            if future.cancelled():
                continue
            value: Any = None
            failure: BaseException | None = None
            try:
                value = call()
            except BaseException as error:  # noqa: BLE001 - it belongs to the caller, whatever it is
                failure = error
            _tell(loop, future, value, failure)
            del job, future, call, value, failure  # or an idle thread would keep the last call's values alive

    def _next(self) -> _Job | None:
        """Wait for a job; None once there was none for `IDLE` seconds, when the thread ends."""
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._jobs, timeout=IDLE)
            self._idle -= 1
            if self._jobs:
                return self._jobs.popleft()
            self._threads -= 1
            return None


def _tell(
    loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], value: Any, failure: BaseException | None
) -> None:
    def settle() -> None:
        if future.done():
            return
        if failure is None:
            future.set_result(value)
        elif isinstance(failure, StopIteration):  # which a future cannot carry
            future.set_exception(RuntimeError("The function raised StopIteration."))
        else:
            future.set_exception(failure)

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:  # the loop is closed: nobody waits any more
        return

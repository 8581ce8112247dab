"""Threads, a few for each function, so that none can starve another.

They run plain `def` functions, and what a function gives to `asyncio.to_thread` or to the loop's default
executor. A call that outlives its deadline keeps its thread until it returns, so stuck calls stay within the
function's own number; and the threads are daemons, so a stuck one cannot hold the process at its exit.
Neither holds for the pools of asyncio and anyio, which is why this one exists.
"""

import asyncio
import contextlib
import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from runtime.asgi.invocation import calling_file

logger = logging.getLogger(__name__)

KEPT = (
    "the loop's default executor stays as it is, because all functions have their threads from it;"
    " %s is to make a ThreadPoolExecutor of its own and give it to run_in_executor"
)
IDLE = 10.0  # seconds after which a thread without work ends
THREADS = 8  # of one function at once, unless its config says `concurrency`
type _Job = Callable[[], object]


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

        def call() -> None:
            if future.cancelled():
                return
            value: Any = None
            failure: BaseException | None = None
            try:
                value = context.run(function, **arguments)
            except BaseException as error:  # noqa: BLE001 - it belongs to the caller, whatever it is
                failure = error
            _tell(loop, future, value, failure)

        self.start(call)
        return await future

    def start(self, job: _Job) -> None:
        """Run `job`, which must not raise, in a thread as soon as one is free; return at once."""
        with self._changed:
            self._jobs.append(job)
            if self._idle < len(self._jobs) and self._threads < self._size:
                self._threads += 1
                thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                contextvars.Context().run(thread.start)  # it outlives the call that needs it first
            self._changed.notify()

    def _work(self) -> None:
        while job := self._next():
            job()
            del job  # or an idle thread would keep the last call's values alive

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


class DefaultThreads(ThreadPoolExecutor):
    """The loop's default executor: each function has threads of its own, and so has the service.

    It is a `ThreadPoolExecutor` because asyncio demands one; it starts none of that class's threads.
    """

    def __init__(self, size: int = THREADS) -> None:
        super().__init__()
        self._size = size
        self._of: dict[str, Workers] = {}

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run `function` in a thread of the function whose call asks for it, with its context variables."""
        future: Future[Any] = Future()
        context = contextvars.copy_context()

        def call() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(context.run(function, *args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
                future.set_exception(error)

        name = f"to_thread {calling_file() or 'service'}"
        if name not in self._of:
            self._of[name] = Workers(name, self._size)
        self._of[name].start(call)
        return future


@contextlib.contextmanager
def shared_threads() -> Iterator[None]:
    """Give the running loop threads that functions share, and no function exchanges or ends for all."""
    loop: Any = asyncio.get_running_loop()
    if "set_default_executor" in vars(loop):  # another application on it has given it some
        yield
        return
    loop.set_default_executor(DefaultThreads())

    def kept(*_: object) -> None:
        logger.warning(KEPT, calling_file() or "the service")

    async def not_ended(*_: object, **__: object) -> None:
        kept()

    loop.set_default_executor, loop.shutdown_default_executor = kept, not_ended
    try:
        yield
    finally:
        del loop.set_default_executor, loop.shutdown_default_executor


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

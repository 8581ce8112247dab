"""Threads that a call starts keep what is its own: trace, ids in the log, context variables."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import Context, copy_context
from functools import wraps
from typing import Any

from runtime.asgi.invocation import current


@contextmanager
def threads_in_context() -> Iterator[None]:
    """Let threads and pools that a call starts run in a copy of its context, as `asyncio.to_thread` does.

    Python does so by itself only where `sys.flags.thread_inherit_context` is set, from 3.14 on. Threads of
    the service are started outside of calls, or in a context of their own, and stay as they are.
    """
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit
    threading.Thread.start = _carrying(start)  # type: ignore[method-assign, assignment]
    ThreadPoolExecutor.submit = _submitting(submit)  # type: ignore[method-assign]
    try:
        yield
    finally:
        threading.Thread.start = start  # type: ignore[method-assign]
        ThreadPoolExecutor.submit = submit  # type: ignore[method-assign]


def _carrying(start: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
    @wraps(start)
    def started(thread: threading.Thread) -> None:
        if current.get() is not None:
            thread.run = _Carried(thread)  # type: ignore[method-assign]
        start(thread)

    return started


class _Carried:
    """A thread's `run`, in the context in which it was started."""

    def __init__(self, thread: threading.Thread) -> None:
        self._thread, self._run, self._context = thread, thread.run, copy_context()

    def __call__(self) -> None:
        # Else thread and context would keep each other alive. A start that failed left one of these behind.
        vars(self._thread).pop("run", None)
        self._context.run(self._run)


def _submitting(submit: Callable[..., Future[Any]]) -> Callable[..., Future[Any]]:
    @wraps(submit)
    def submitted(
        pool: ThreadPoolExecutor, function: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        if current.get() is None:
            return submit(pool, function, *args, **kwargs)
        context = copy_context()
        return Context().run(submit, pool, context.run, function, *args, **kwargs)

    return submitted

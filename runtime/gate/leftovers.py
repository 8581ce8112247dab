"""Tasks that a function started and left behind: found by their context, cancelled when the call is over.

A task inherits the context of the code that starts it, and with it the current invocation. A task factory
adds each new task to that invocation's set, so a function that starts none costs nothing, and the tasks of
the process never have to be searched (docs/adr/0051-leftover-tasks.md).
"""

import asyncio
import logging
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any

from runtime.asgi.invocation import Invocation, current
from runtime.routing.calling.exits import Contained

logger = logging.getLogger(__name__)

GRACE = 1.0  # seconds to end without being cancelled: a driver returns its connection, for example
STUCK_AFTER = 1.0  # seconds after its cancellation until a task counts as stuck
LOOK = 0.25  # seconds between two looks at the loop's task factory
REPLACED = (
    "a function set a task factory, which is the whole service's; the service's own was put back:"
    " start the tasks that need another one with asyncio.Task(..., eager_start=True)"
)

type AnyCoroutine = Coroutine[Any, Any, Any] | Generator[Any, None, Any]


def task_factory(
    loop: asyncio.AbstractEventLoop, coroutine: AnyCoroutine, **options: Any
) -> asyncio.Task[Any]:
    """Make a task as the loop would; one of a call cannot end the process and is added to the call's set."""
    context: Context | None = options.get("context")
    invocation = current.get() if context is None else context.get(current)
    if invocation is None or invocation.tasks is None:
        return asyncio.Task(coroutine, loop=loop, **options)  # type: ignore[arg-type]  # the loop's own signature is wider than Task's
    if isinstance(coroutine, Coroutine):
        coroutine = Contained(coroutine)
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **options)  # type: ignore[arg-type]  # likewise
    if not task.done():
        invocation.tasks.add(task)
        task.add_done_callback(invocation.tasks.discard)
    return task


class Reaper:
    """Ends what calls left behind; `async with reaper` installs the factory on the running loop.

    Attributes:
        busy: clean-ups that are running, one for each call.
    """

    def __init__(self, *, grace: float = GRACE, stuck_after: float = STUCK_AFTER) -> None:
        self.busy: set[asyncio.Task[None]] = set()
        self._grace = grace
        self._stuck_after = stuck_after
        self._previous: Any = None
        self._look: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> "Reaper":
        loop = asyncio.get_running_loop()
        self._previous = loop.get_task_factory()
        loop.set_task_factory(task_factory)
        self._watch(loop)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._look is not None:
            self._look.cancel()
        await self.idle()
        asyncio.get_running_loop().set_task_factory(self._previous)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look from time to time: the function may still run, and stream for hours."""
        _keep_factory(loop)
        self._look = loop.call_later(LOOK, self._watch, loop)

    async def idle(self) -> None:
        """Return once nothing is left to clean up."""
        while self.busy:
            await asyncio.wait(self.busy)

    def release(self, invocation: Invocation, call: "asyncio.Task[None] | None" = None) -> None:
        """End the tasks that `invocation` has left, and its `call` if that was abandoned; return at once."""
        loop = asyncio.get_running_loop()
        _keep_factory(loop)
        if call is not None and not call.done() and invocation.tasks is not None:
            invocation.tasks.add(call)
            call.add_done_callback(invocation.tasks.discard)
        if not invocation.tasks:
            invocation.tasks = None
            return
        # In an empty context: the clean-up belongs to no call.
        work = asyncio.Task(self._reap(invocation), loop=loop, context=Context())
        self.busy.add(work)
        work.add_done_callback(self.busy.discard)

    async def _reap(self, invocation: Invocation) -> None:
        await _finish(invocation, self._grace)
        for task in tuple(invocation.tasks or ()):
            task.cancel()
        await _finish(invocation, self._stuck_after)
        stuck = sorted(task.get_name() for task in invocation.tasks or ())
        invocation.tasks = None
        if stuck:
            file = invocation.endpoint.file if invocation.endpoint else "?"
            logger.error("tasks still run after their cancellation", extra={"function": file, "tasks": stuck})


def _keep_factory(loop: asyncio.AbstractEventLoop) -> None:
    """Put the factory back where a function replaced it: others do not even fit every loop."""
    if loop.get_task_factory() is not task_factory:
        logger.error(REPLACED)
        loop.set_task_factory(task_factory)


async def _finish(invocation: Invocation, seconds: float) -> None:
    """Wait for the tasks of a call, and those that they start meanwhile; retrieve what they raise."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while tasks := set(invocation.tasks or ()):
        done, pending = await asyncio.wait(tasks, timeout=max(0, until - loop.time()))
        for task in done:
            _retrieve(task)
        if pending:
            return


def _retrieve(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.warning("a task that outlived its call failed", exc_info=error)

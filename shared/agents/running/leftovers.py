"""The tasks that began inside a run, found by the context that every task inherits.

Frameworks start tasks of their own and leave some behind when they are cancelled. One look at the loop serves
every run that asks in the same turn, so that a thousand readers who leave at once cost one.
"""

import asyncio
from contextvars import Context, ContextVar
from typing import Any

_owner: ContextVar[Any] = ContextVar("annex_agent_run", default=None)


def mark(context: Context, owner: object) -> None:
    """Have every task that begins in `context` belong to `owner`."""
    context.run(_owner.set, owner)


def current_owner() -> object | None:
    """Return what the running code belongs to, in threads too; None outside of a run."""
    owner: object | None = _owner.get()
    return owner


class Leftovers:
    """Finds the tasks of the runs that ask."""

    def __init__(self) -> None:
        self._asked: dict[Any, asyncio.Future[set[asyncio.Task[Any]]]] = {}

    async def of(self, owner: object) -> set[asyncio.Task[Any]]:
        """Return the tasks of `owner` that are not done."""
        loop = asyncio.get_running_loop()
        if not self._asked:
            loop.call_soon(self._look)
        asked = self._asked.setdefault(owner, loop.create_future())
        return await asked

    def _look(self) -> None:
        asked, self._asked = self._asked, {}
        found: dict[Any, set[asyncio.Task[Any]]] = {owner: set() for owner in asked}
        for task in asyncio.all_tasks():
            owner = task.get_context().get(_owner)
            if owner in found:
                found[owner].add(task)
        for owner, future in asked.items():
            if not future.done():
                future.set_result(found[owner])


async def reap(tasks: set[asyncio.Task[Any]], *, step: float) -> set[asyncio.Task[Any]]:
    """End what is left of the tasks, and look at what the others raised: else the loop reports it.

    Args:
        tasks: done or not.
        step: seconds that they get to end by themselves, and again once they are cancelled.

    Returns:
        Those that do not end.
    """
    left = {task for task in tasks if not task.done()}
    if left:
        _, left = await asyncio.wait(left, timeout=step)  # such as a connection that returns to its pool
    for task in left:
        task.cancel()
    if left:
        _, left = await asyncio.wait(left, timeout=step)
    for task in tasks - left:
        if not task.cancelled():
            task.exception()
    return left

"""Runs a loop until its work is done, whatever a function does to the loop."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from runtime.asgi.own_tasks import own_tasks

logger = logging.getLogger(__name__)


def drive[T](
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], *, is_serving: Callable[[], bool]
) -> T:
    """Return what `work` returns, or raise what it raises.

    Meanwhile `loop.stop()`, and an exception that a callback means to end the process with, end nothing; nor
    does a function that cancels every task.

    Args:
        loop: not running.
        work: run as a task of the loop.
        is_serving: whether the process handles its signals itself: then none of them raises anything.
    """
    loop.set_task_factory(own_tasks)
    task = loop.create_task(work)
    task.add_done_callback(lambda _: loop.stop())
    while not task.done():
        try:
            loop.run_forever()
        except (SystemExit, KeyboardInterrupt) as error:
            if task.done():
                loop.run_forever()  # to the stop that the task's end has asked for
                break
            if not is_serving():
                raise
            logger.error("a callback of the event loop raised %s; the loop goes on", type(error).__name__)  # noqa: TRY400  # the place is the loop's own
        else:
            if not task.done():
                logger.error("a function stopped the event loop; it goes on")
    return task.result()

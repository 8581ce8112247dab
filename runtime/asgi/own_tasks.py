"""Tasks of the service, which the functions of other calls cannot cancel."""

import asyncio
import logging
from typing import Any

from runtime.asgi.invocation import current

logger = logging.getLogger(__name__)


class OwnTask[T](asyncio.Task[T]):
    """A task of one call, or of none; `cancel` from the code of another call does nothing.

    `for task in asyncio.all_tasks(): task.cancel()` in a function would otherwise end every call, and the
    service.
    """

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel it; return whether it will be."""
        caller = current.get()
        if caller is not None and self.get_context().get(current) is not caller:
            logger.warning("a function tried to cancel a task that is not its own")
            return False
        return super().cancel(msg)


def own_tasks(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
    """Make a task of the service: a loop's task factory."""
    return OwnTask(coroutine, loop=loop, **options)

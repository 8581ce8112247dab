"""The requests of one connection, answered one after the other in the order in which they came."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextvars import Context

from runtime.asgi.messages import ASGIApp
from runtime.asgi.own_tasks import OwnTask
from runtime.server.connection.exchange import Exchange

logger = logging.getLogger(__name__)


class Pipeline:
    """Runs the application for the first of its exchanges; the others are queued behind it.

    Attributes:
        exchanges: not answered yet, in the order of their requests.
    """

    def __init__(
        self, app: ASGIApp, tasks: set[asyncio.Task[None]], *, on_unanswered: Callable[[Exchange], None]
    ) -> None:
        """Begin without a request.

        Args:
            app: answers.
            tasks: holds each task that runs `app`, until it is done.
            on_unanswered: called where `app` came to its end before its response did.
        """
        self._loop = asyncio.get_running_loop()
        self._app = app
        self._tasks = tasks
        self._on_unanswered = on_unanswered
        self.exchanges: deque[Exchange] = deque()

    @property
    def first(self) -> Exchange | None:
        """The exchange to be answered now."""
        return self.exchanges[0] if self.exchanges else None

    @property
    def last(self) -> Exchange | None:
        """The exchange that was read last, of those not answered yet."""
        return self.exchanges[-1] if self.exchanges else None

    def start(self) -> None:
        """Run the first exchange in this iteration of the loop, unless it runs already."""
        if self.exchanges and not self.exchanges[0].is_running:
            self._run(self.exchanges[0], eager=True, context=None)

    def advance(self) -> None:
        """Go on to the next: the first one was answered."""
        self.exchanges.popleft()
        if self.exchanges:
            # It must not see the context of the one before.
            self._run(self.exchanges[0], eager=False, context=Context())

    def drop(self) -> None:
        """Answer none of them any more."""
        for exchange in self.exchanges:
            exchange.disconnect()
        self.exchanges.clear()

    def _run(self, exchange: Exchange, *, eager: bool, context: Context | None) -> None:
        exchange.is_running = True
        # Not by the loop's task factory, which tracks the tasks of functions.
        answer = self._answer(exchange)
        task = OwnTask(answer, loop=self._loop, eager_start=eager, context=context, name="request")
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, exchange: Exchange) -> None:
        try:
            await self._app(exchange.scope, exchange.receive, exchange.send)
        except BaseException:  # an error of one request is no other's
            logger.exception("the application failed")
        if not (exchange.is_complete or exchange.is_disconnected):
            logger.error("the application did not complete its response")
            self._on_unanswered(exchange)

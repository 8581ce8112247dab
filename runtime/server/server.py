"""uvicorn with a stop in order.

uvicorn alone does not tell streams of a stop, closes the application while cancelled requests are still
unwinding, waits for ever for a lifespan that hangs, and re-raises the signal, so that a platform sees a
requested stop as a failure. So the stop is ours; serving is uvicorn's (docs/adr/0191).
"""

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from types import FrameType
from typing import Any, cast

import uvicorn

from runtime.app import Application
from runtime.http.shell import security_headers
from runtime.server.acceptor import Acceptor
from runtime.server.budget import CLOSE_TIMEOUT, UNWIND_TIMEOUT, stop_budget
from runtime.server.connection.protocol import Connection
from runtime.server.ending import end_anyway
from runtime.server.listener import ConnectionLimits, Listener
from runtime.server.parent.sockets import BACKLOG, bind, refusal
from runtime.server.signals import Signals
from runtime.server.worker.link import Link
from runtime.settings.variables import Settings

logger = logging.getLogger(__name__)

STARTUP_FAILURE = 3  # exit status, as uvicorn has it
KEEP_ALIVE = 75  # seconds; Railway's edge closes idle connections earlier, so it never races our close
RETIRE_OVERLAP = 1.0  # seconds at least in which callers leave a worker that is replaced


class Server:
    """Serves one application by uvicorn until a signal, or until `stop` or `retire` is called.

    Attributes:
        config: uvicorn's.
        listener: what all connections share.
    """

    def __init__(self, application: Application, settings: Settings, link: Link | None = None) -> None:
        self.listener = Listener(
            ConnectionLimits(connections=settings.limits.max_connections),
            headers=security_headers(production=settings.is_production),
            cors=application.cors.headers,
        )
        self.config = config(application, settings, self._connect)
        self._uvicorn = uvicorn.Server(self.config)
        self._application = application
        self._link = link
        # SIGHUP: the terminal was closed; a worker gets it from its parent.
        numbers = (signal.SIGINT, signal.SIGTERM, *(() if link else (signal.SIGHUP,)))
        self._signals = Signals(self._signalled, *numbers)
        self._sockets: list[socket.socket] = []
        self._delay = settings.limits.drain_delay if settings.is_production else 0.0
        self._drain = settings.limits.drain_timeout
        self._budget = stop_budget(settings)
        self._is_stopping = False
        self._is_in_haste = False
        self._left = asyncio.Event()  # the overlap is over
        self._ended = asyncio.Event()  # so are the calls
        self._loop: asyncio.AbstractEventLoop | None = None
        self._acceptor: Acceptor | None = None

    @property
    def is_serving(self) -> bool:
        """Signals are handled here."""
        return self._signals.are_handled

    async def serve(self) -> None:
        """Serve; return once the application has closed, or has taken too long for it.

        Raises:
            SystemExit: 3 when start-up fails (uvicorn's own status for it).
        """
        self._loop = asyncio.get_running_loop()
        self._sockets = self._link.listeners if self._link else self._bound()
        if self._link is not None:
            self._link.attach(self._heard)
        self._application.companions.append(self._open())
        with self._signals.handled():
            serving = asyncio.create_task(_status(self._uvicorn.serve(self._sockets)))
            await asyncio.sleep(0)  # uvicorn has set its handlers
            self._signals.handle()
            if self._uvicorn.should_exit:  # by a signal in between
                self._signalled(signal.SIGTERM)
            left = asyncio.create_task(self._left.wait())
            await asyncio.wait([serving, left], return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                await self._end(serving)
        if not serving.cancelled() and (status := serving.result()):
            raise SystemExit(status)

    def _bound(self) -> list[socket.socket]:
        try:
            return bind(self.config.host, self.config.port)
        except OSError as error:
            logger.error("%s", refusal(error, self.config.port))  # noqa: TRY400  # the place tells nothing
            raise SystemExit(STARTUP_FAILURE) from None

    @contextlib.asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        """Tell that the application has started; let it close only once its calls have ended."""
        if self._link is None:
            for each in self._sockets:
                each.listen(BACKLOG)
            logger.info("listening on port %d", self.config.port)
        else:
            logger.info("worker %d serves on port %d", self._link.number, self.config.port)
            self._link.say(serving=True)
        yield
        self.stop()
        await self._ended.wait()

    def _connect(self, **given: Any) -> asyncio.Protocol:
        """Make a connection as uvicorn asks for one; from the first on, accept beside it.

        Args:
            given: uvicorn's own arguments, the same for every connection.
        """
        if self._acceptor is None and not isinstance(self._loop, asyncio.BaseEventLoop):
            # asyncio's own loop accepts all that wait by itself.
            is_shared = self._link is not None and self._link.workers > 1
            connect = partial(Connection, self.listener, **given)
            self._acceptor = Acceptor(self._sockets, connect, is_shared=is_shared)
        return Connection(self.listener, **given)

    def _signalled(self, number: int, _: FrameType | None = None) -> None:
        """Drain and stop, in time even if the loop is blocked; at a second SIGINT at once."""
        if self._is_stopping and number == signal.SIGINT:
            self._is_in_haste = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.stop)
        last = threading.Timer(self._budget, end_anyway)
        last.daemon = True
        last.start()

    def stop(self) -> None:
        """Turn readiness, close each connection after its response, and stop once the overlap is over."""
        self._wind_down(self._delay, service=True)

    def retire(self) -> None:
        """Stop, while the service goes on: its other workers accept what comes."""
        self.listener.is_overlapping = True
        self._uvicorn.should_exit = True
        if self._acceptor is not None:
            self._acceptor.stop()
        self._wind_down(max(self._delay, RETIRE_OVERLAP), service=False)

    def _wind_down(self, seconds: float, *, service: bool) -> None:
        if self._is_stopping or self._loop is None:
            return
        self._is_stopping = True
        logger.info("stopping: %d connections are open", len(self.listener.connections))
        self._application.drain(after=seconds, service=service)
        self.listener.winding_down = True
        for connection in self.listener.connections:
            connection.wind_down()
        self._loop.call_later(seconds, self._left.set)

    def _heard(self, message: dict[str, Any] | None) -> None:
        """Do what the parent says; stop when it is gone."""
        if message is None:
            logger.error("the parent process has ended; stopping")
            self.stop()
        elif "state" in message:
            self._application.service = message["state"]
            self._application.close(message["state"]["closed"])
        elif "retire" in message:
            self.retire()
        elif "stop" in message and not self._is_stopping:
            self._signalled(signal.SIGTERM)

    async def _end(self, serving: asyncio.Task[Any]) -> None:
        """Stop accepting, finish calls in progress, cancel those too slow, then let the application close."""
        self.listener.is_overlapping = False
        self._uvicorn.should_exit = True
        if self._acceptor is not None:
            await self._acceptor.close()
        for connection in [*self.listener.connections]:
            connection.shutdown()
        await self._finish()
        await self._cut()
        self._ended.set()
        if not (await asyncio.wait([serving], timeout=CLOSE_TIMEOUT))[0]:
            logger.error("the application did not close within %g s", CLOSE_TIMEOUT)
            serving.cancel()
            await asyncio.wait([serving])

    async def _finish(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._drain):
                while self.listener.is_busy and not self._is_in_haste:  # noqa: ASYNC110  # sets have no event
                    await asyncio.sleep(0.02)

    async def _cut(self) -> None:
        tasks = [*self.listener.tasks]
        if tasks:
            logger.error("cancelled at the end of the drain: %s", ", ".join(self._application.under_way()))
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=UNWIND_TIMEOUT)
        for connection in [*self.listener.connections]:
            connection.abort()


async def _status(serving: Coroutine[Any, Any, None]) -> str | int | None:
    """Serve; return with which status uvicorn would end the process, None for none.

    A task that raises SystemExit would end the loop.
    """
    try:
        await serving
    except SystemExit as error:
        return error.code
    return None


def config(
    application: Application, settings: Settings, connect: Callable[..., asyncio.Protocol]
) -> uvicorn.Config:
    """Return uvicorn's configuration.

    Args:
        application: the service.
        settings: of the service.
        connect: makes the protocol of a connection.
    """
    return uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        http=cast("type[asyncio.Protocol]", connect),
        lifespan="on",
        log_config=None,  # ours is set up already
        access_log=False,  # the access line is written by telemetry, with duration and ids
        server_header=False,
        date_header=True,
        proxy_headers=False,  # runtime/http/proxies.py decides which are trusted
        timeout_keep_alive=KEEP_ALIVE,
        backlog=BACKLOG,
        ws="none",
    )

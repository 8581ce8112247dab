"""One uvicorn process that stops as it promised: in order, in time, and with status 0.

uvicorn alone gives streams no sign of a stop, closes the application while the requests it gave up on are
still unwinding, waits for ever for a lifespan that hangs, and re-raises the signal, so that a platform sees a
stop it asked for as a failure. How it stops is therefore ours; how it serves is not.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any, NoReturn

import uvicorn

from runtime.app import Application
from runtime.http.shell import security_headers
from runtime.server.acceptor import Acceptor
from runtime.server.listener import ConnectionLimits, Listener
from runtime.server.protocol import Connection, protocol
from runtime.settings.variables import Settings
from runtime.telemetry import last_words

logger = logging.getLogger(__name__)

KEEP_ALIVE = 75  # seconds; longer than Railway's edge keeps an idle connection, so it never races our close
BACKLOG = 2048
UNWIND = 2.0  # seconds for what was cut at the end of the drain to clean up after itself
CLOSE = 6.0  # seconds for connections to the outside to close and the last spans to leave
MARGIN = 2.0  # seconds over the whole budget after which the process ends whatever it is doing


class Server(uvicorn.Server):
    """Serves one application until a signal, or until `stop` is called."""

    def __init__(self, application: Application, settings: Settings) -> None:
        self.listener = Listener(
            ConnectionLimits(connections=settings.limits.max_connections),
            headers=security_headers(production=settings.is_production),
        )
        super().__init__(config(application, settings, self.listener))
        self._application = application
        self._delay = settings.limits.drain_delay if settings.is_production else 0.0
        self._drain = settings.limits.drain_timeout
        self._budget = stop_budget(settings)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._acceptor: Acceptor | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Remember the loop that a signal has to reach, then start as uvicorn does."""
        self._loop = asyncio.get_running_loop()
        try:
            await super().startup(sockets)
        except SystemExit:
            logger.error("port %d is not ours to listen on: stop what does, or set PORT", self.config.port)  # noqa: TRY400  # uvicorn has logged why
            raise
        if not isinstance(self._loop, asyncio.BaseEventLoop):  # which accepts all who wait by itself
            listening = [each for server in self.servers for each in server.sockets]
            self._acceptor = Acceptor(listening, self._connection)

    def _connection(self) -> asyncio.Protocol:
        """Make a connection's protocol, as uvicorn does for the connections it accepts."""
        kind: Any = self.config.http_protocol_class
        made: asyncio.Protocol = kind(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Listen to SIGINT and SIGTERM, and do not raise them again: a stop asked for is a success."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # a signal handler's shape
        """First signal: drain and stop, in time even if the loop never turns again. A second SIGINT: now."""
        if self._application.is_draining and sig == signal.SIGINT:
            self.force_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.stop)
        last = threading.Timer(self._budget, _end_anyway)
        last.daemon = True
        last.start()

    def stop(self) -> None:
        """Turn readiness, let each answer be its connection's last, and close once the overlap is over."""
        if self._application.is_draining or self._loop is None:
            return
        logger.info("stopping: %d connections are open", len(self.server_state.connections))
        self._application.drain(after=self._delay)
        self.listener.winding_down = True
        for connection in self._connections():
            connection.wind_down()
        self._loop.call_later(self._delay, self._leave)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nobody, finish what is under way, cut what is too slow, then close the application."""
        for server in self.servers:
            server.close()
        for each in sockets or ():
            each.close()
        if self._acceptor is not None:
            await self._acceptor.close()
        for connection in self._connections():
            connection.shutdown()
        await self._finish()
        await self._cut()
        try:
            async with asyncio.timeout(CLOSE):
                await self.lifespan.shutdown()
        except TimeoutError:
            logger.error("the application did not close within %g s and is left behind", CLOSE)  # noqa: TRY400  # the wait's own traceback tells nothing

    async def _finish(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._drain):
                while self._is_busy() and not self.force_exit:  # noqa: ASYNC110  # uvicorn's sets have no event
                    await asyncio.sleep(0.02)

    async def _cut(self) -> None:
        tasks = list(self.server_state.tasks)
        if tasks:
            logger.error("cut at the end of the drain: %s", ", ".join(self._application.under_way()))
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=UNWIND)
        for connection in self._connections():
            connection.transport.abort()

    def _connections(self) -> list[Connection]:
        return [each for each in self.server_state.connections if isinstance(each, Connection)]

    def _is_busy(self) -> bool:
        return bool(self.server_state.connections or self.server_state.tasks)

    def _leave(self) -> None:
        self.should_exit = True


def stop_budget(settings: Settings) -> float:
    """Return the seconds after SIGTERM in which the process has ended, whatever it was doing."""
    delay = settings.limits.drain_delay if settings.is_production else 0.0
    return delay + settings.limits.drain_timeout + UNWIND + CLOSE + MARGIN


def config(application: Application, settings: Settings, listener: Listener) -> uvicorn.Config:
    """Return uvicorn's configuration; what is not said here is its default."""
    return uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        http=protocol(listener),  # its limits, and who is one connection too many
        lifespan="on",
        log_config=None,  # our own handlers are in place already
        access_log=False,  # the access line is written by telemetry, with duration and ids
        server_header=False,
        date_header=True,
        proxy_headers=False,  # who is believed is decided in runtime/http/proxies.py
        timeout_keep_alive=KEEP_ALIVE,
        backlog=BACKLOG,
        ws="none",
    )


def run(application: Application, settings: Settings) -> bool:
    """Serve in this process until a signal; return whether nothing was left behind.

    Raises:
        SystemExit: 3 when start-up fails (uvicorn's own status for it).
    """
    threading.excepthook = _thread_failed
    logging.captureWarnings(capture=True)
    server = Server(application, settings)
    runner = asyncio.Runner(loop_factory=server.config.get_loop_factory())
    left: list[str] = []
    try:
        left = runner.run(_serve(server))
    finally:
        if not left:
            runner.close()
    if left:
        # Closing the loop would wait for what does not heed its cancellation.
        last_words(lambda: logger.error("left behind at the end: %s", ", ".join(left)))
    return not left


async def _serve(server: Server) -> list[str]:
    """Serve, then end what functions left running; return the names of what does not end."""
    threads = ThreadPoolExecutor(thread_name_prefix="annex-default")
    asyncio.get_running_loop().set_default_executor(threads)
    await server.serve()
    threads.shutdown(wait=False, cancel_futures=True)
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    pending = (await asyncio.wait(tasks, timeout=UNWIND))[1] if tasks else set()
    busy = [
        thread
        for thread in threading.enumerate()
        if not thread.daemon and thread is not threading.main_thread()
    ]
    for thread in busy:
        thread.join(UNWIND)  # nothing is served any more: the loop may wait
    named = [f"thread {thread.name}" for thread in busy if thread.is_alive()]
    return [*(f"task {task.get_name()}" for task in pending), *named]


def end_now(status: int, say: Callable[[], object] = lambda: None) -> NoReturn:
    """End this process without waiting for any of its threads, nor for whoever reads what `say` logs."""
    last_words(say)
    os._exit(status)


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    """Log what ended a thread of some function; Python would print the exception's text past every rule."""
    if failure.exc_type is not SystemExit and failure.exc_value is not None:
        logger.error("a thread ended with an exception", exc_info=failure.exc_value)


def _end_anyway() -> None:
    """End a process whose loop, or a thread of it, does not come back."""
    busy = sorted(thread.name for thread in threading.enumerate() if not thread.daemon)
    told = "the stop took longer than its budget; ending now. Threads still there: %s"
    end_now(1, lambda: logger.critical(told, busy))

"""One uvicorn process that stops in order, in time, and with status 0.

uvicorn alone does not tell streams of a stop, closes the application while cancelled requests are still
unwinding, waits for ever for a lifespan that hangs, and re-raises the signal, so that a platform sees a
requested stop as a failure. So the stop is ours; serving is uvicorn's.
"""

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any, NoReturn

import uvicorn

from runtime.app import Application
from runtime.http.shell import security_headers
from runtime.server.acceptor import Acceptor
from runtime.server.budget import CLOSE_TIMEOUT, UNWIND_TIMEOUT, stop_budget
from runtime.server.connection.protocol import Connection, protocol
from runtime.server.driving import drive
from runtime.server.listener import ConnectionLimits, Listener
from runtime.server.worker.link import Link
from runtime.settings.variables import Settings
from runtime.telemetry import last_words

logger = logging.getLogger(__name__)

KEEP_ALIVE = 75  # seconds; Railway's edge closes idle connections earlier, so it never races our close
BACKLOG = 2048
RETIRE_OVERLAP = 1.0  # seconds at least in which callers leave a worker that is replaced


class Server(uvicorn.Server):
    """Serves one application until a signal, or until `stop` is called."""

    def __init__(self, application: Application, settings: Settings, link: Link | None = None) -> None:
        self.listener = Listener(
            ConnectionLimits(connections=settings.limits.max_connections),
            headers=security_headers(production=settings.is_production),
            cors=application.cors.headers,
        )
        super().__init__(config(application, settings, self.listener))
        self._application = application
        self._link = link
        self._is_stopping = False
        self.is_serving = False
        self._delay = settings.limits.drain_delay if settings.is_production else 0.0
        self._drain = settings.limits.drain_timeout
        self._budget = stop_budget(settings)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._acceptor: Acceptor | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Keep the loop for the signal handler, then start as uvicorn does."""
        self._loop = asyncio.get_running_loop()
        if self._link is not None:
            self._link.attach(self._heard)
        try:
            await super().startup(sockets)
        except SystemExit as error:
            self._report_port(error.__context__)
            raise
        if self._link is None:
            logger.info("listening on port %d", self.config.port)
        else:
            logger.info("worker %d serves on port %d", self._link.number, self.config.port)
            self._link.say(serving=True)
        if not isinstance(self._loop, asyncio.BaseEventLoop):  # which accepts all that wait by itself
            listening = [each for server in self.servers for each in server.sockets]
            is_shared = self._link is not None and self._link.workers > 1
            self._acceptor = Acceptor(listening, self._connection, is_shared=is_shared)

    def _report_port(self, cause: BaseException | None) -> None:
        if isinstance(cause, OSError) and cause.errno != errno.EADDRINUSE:
            logger.error(
                "Cannot listen on port %d: %s. Check HOST and PORT.", self.config.port, cause.strerror
            )
        else:
            logger.error("Port %d is already in use; stop the other process or set PORT.", self.config.port)

    def _connection(self) -> asyncio.Protocol:
        """Make a connection's protocol, as uvicorn does for the connections it accepts."""
        kind: Any = self.config.http_protocol_class
        made: asyncio.Protocol = kind(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM without raising them again: a requested stop is a success."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = [signal.SIGINT, signal.SIGTERM]
        if self._link is None:
            numbers.append(signal.SIGHUP)  # the terminal was closed
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        self.is_serving = True
        try:
            yield
        finally:
            self.is_serving = False
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # a signal handler's shape
        """Drain and stop, in time even if the loop is blocked; at a second SIGINT at once."""
        if self._is_stopping and sig == signal.SIGINT:
            self.force_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.stop)
        last = threading.Timer(self._budget, _end_anyway)
        last.daemon = True
        last.start()

    def stop(self) -> None:
        """Turn readiness, close each connection after its response, and stop once the overlap is over."""
        self._wind_down(self._delay, service=True)

    def retire(self) -> None:
        """Stop, while the service goes on: its other workers accept what comes."""
        for listener in self.servers:
            listener.close()
        if self._acceptor is not None:
            self._acceptor.stop()
        self._wind_down(max(self._delay, RETIRE_OVERLAP), service=False)

    def _wind_down(self, seconds: float, *, service: bool) -> None:
        if self._is_stopping or self._loop is None:
            return
        self._is_stopping = True
        logger.info("stopping: %d connections are open", len(self.server_state.connections))
        self._application.drain(after=seconds, service=service)
        self.listener.winding_down = True
        for connection in self._connections():
            connection.wind_down()
        self._loop.call_later(seconds, self._leave)

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
            self.handle_exit(signal.SIGTERM, None)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting, finish calls in progress, cancel those too slow, then close the application."""
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
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self.lifespan.shutdown()
        except TimeoutError:
            logger.error("the application did not close within %g s", CLOSE_TIMEOUT)  # noqa: TRY400  # the traceback would be the wait's own

    async def _finish(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._drain):
                while self._is_busy() and not self.force_exit:  # noqa: ASYNC110  # uvicorn's sets have no event
                    await asyncio.sleep(0.02)

    async def _cut(self) -> None:
        tasks = list(self.server_state.tasks)
        if tasks:
            logger.error("cancelled at the end of the drain: %s", ", ".join(self._application.under_way()))
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=UNWIND_TIMEOUT)
        for connection in self._connections():
            connection.transport.abort()

    def _connections(self) -> list[Connection]:
        return [each for each in self.server_state.connections if isinstance(each, Connection)]

    def _is_busy(self) -> bool:
        return bool(self.server_state.connections or self.server_state.tasks)

    def _leave(self) -> None:
        self.should_exit = True


def config(application: Application, settings: Settings, listener: Listener) -> uvicorn.Config:
    """Return uvicorn's configuration."""
    return uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        http=protocol(listener),
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


def run(application: Application, settings: Settings, link: Link | None = None) -> bool:
    """Serve in this process until a signal; return whether no task or thread is still running.

    Args:
        application: the service.
        settings: of the service.
        link: to the parent, where this process is a worker.

    Raises:
        SystemExit: 3 when start-up fails (uvicorn's own status for it).
    """
    threading.excepthook = _thread_failed
    sys.unraisablehook = _ignored
    logging.captureWarnings(capture=True)
    server = Server(application, settings, link)
    runner = asyncio.Runner(loop_factory=server.config.get_loop_factory())
    left: list[str] = []
    try:
        left = drive(runner.get_loop(), _serve(server, link), is_serving=lambda: server.is_serving)
    finally:
        if not left:
            runner.close()
            logger.info("stopped")
    if left:
        # Closing the loop would wait for what ignores its cancellation.
        last_words(lambda: logger.error("still running after the stop: %s", ", ".join(left)))
    return not left


async def _serve(server: Server, link: Link | None) -> list[str]:
    """Serve, then end what functions left running; return the names of what does not end."""
    threads = ThreadPoolExecutor(thread_name_prefix="annex-default")
    asyncio.get_running_loop().set_default_executor(threads)
    await server.serve(link.listeners if link else None)
    if link is not None:
        link.say(left=True)
    threads.shutdown(wait=False, cancel_futures=True)
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    pending = (await asyncio.wait(tasks, timeout=UNWIND_TIMEOUT))[1] if tasks else set()
    busy = [
        thread
        for thread in threading.enumerate()
        if not thread.daemon and thread is not threading.main_thread()
    ]
    for thread in busy:
        thread.join(UNWIND_TIMEOUT)  # nothing is served any more: the loop may block
    named = [f"thread {thread.name}" for thread in busy if thread.is_alive()]
    return [*(f"task {task.get_name()}" for task in pending), *named]


def end_now(status: int, say: Callable[[], object] = lambda: None) -> NoReturn:
    """End this process without waiting for its threads, nor for the reader of what `say` logs."""
    last_words(say)
    os._exit(status)


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    """Log what ended a thread of a function; Python would print the exception with its text."""
    if failure.exc_type is not SystemExit and failure.exc_value is not None:
        logger.error("a thread ended with an exception", exc_info=failure.exc_value)


def _ignored(failure: "sys.UnraisableHookArgs") -> None:
    """Log what a destructor raised, where Python would print its text too."""
    if failure.exc_value is not None:
        logger.error("an exception in a destructor was ignored", exc_info=failure.exc_value)


def _end_anyway() -> None:
    """End a process whose loop or thread is blocked."""
    busy = sorted(thread.name for thread in threading.enumerate() if not thread.daemon)
    text = "the stop exceeded its time limit; ending the process. Threads still running: %s"
    end_now(1, lambda: logger.critical(text, busy))

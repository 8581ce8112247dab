"""One uvicorn process that stops as it promised: drain first, then close, then leave with status 0.

uvicorn alone stops accepting at once, gives streams no sign, and re-raises the signal, so that a platform
sees a stop it asked for as a failure. Only the reaction to a signal is ours.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator
from types import FrameType

import uvicorn

from runtime.app import Application
from runtime.variables import Settings

KEEP_ALIVE = 75  # seconds; longer than Railway's edge keeps an idle connection, so it never races our close
BACKLOG = 2048


class Server(uvicorn.Server):
    """Serves one application until a signal, or until `stop` is called."""

    def __init__(self, application: Application, settings: Settings) -> None:
        super().__init__(config(application, settings))
        self._application = application
        self._delay = settings.limits.drain_delay
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Remember the loop that a signal has to reach, then start as uvicorn does."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Listen to SIGINT and SIGTERM, and do not raise them again: a stop asked for is a success."""
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # a signal handler's shape
        """First signal: drain and stop. A second SIGINT: stop at once."""
        if self._application.is_draining and sig == signal.SIGINT:
            self.force_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.stop)

    def stop(self) -> None:
        """Turn readiness, end streams, and stop accepting once the overlap is over."""
        if self._application.is_draining or self._loop is None:
            return
        self._application.drain(after=self._delay)
        self._loop.call_later(self._delay, self._leave)

    def _leave(self) -> None:
        self.should_exit = True


def config(application: Application, settings: Settings) -> uvicorn.Config:
    """Return uvicorn's configuration; what is not said here is its default."""
    return uvicorn.Config(
        application,
        host=settings.host,
        port=settings.port,
        lifespan="on",
        log_config=None,  # our own handlers are in place already
        access_log=False,  # the access line is written by telemetry, with duration and ids
        server_header=False,
        date_header=True,
        proxy_headers=False,  # who is believed is decided in runtime/http/proxies.py
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=max(1, int(settings.limits.drain_timeout)),
        limit_concurrency=settings.limits.max_connections,
        backlog=BACKLOG,
        ws="none",
    )


def run(application: Application, settings: Settings) -> None:
    """Serve in this process until a signal.

    Raises:
        SystemExit: 3 when start-up fails (uvicorn's own status for it).
    """
    server = Server(application, settings)
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(server.serve())

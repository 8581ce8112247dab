"""Keeps the lease of one worker process from outside of it, and starts another one when it ends.

The keeper imports no function and does nothing else, so no job can starve it. It measures the lease from
before each renewal was sent, by a clock that nobody sets and that runs while the machine sleeps. When it
cannot renew, it kills the worker before the lease ends. A worker that has ended holds nothing any more: its
runs are handed back at once.
"""

import logging
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

from runtime.work.queue import scripts
from runtime.work.queue.queue import PREFIX
from runtime.work.queue.scripts import with_prefix
from shared.redis_url import RedisUrl
from shared.secret import Secret

logger = logging.getLogger(__name__)

MARGIN = 0.25  # of the lease, in which the worker is killed; a renewal that is under way takes 0.2 of it
TIMEOUT = 0.1  # of the lease, for the connection and for the answer of a renewal
RENEWALS = 4  # in one lease
STEADY = 60.0  # seconds after which a worker that ends is replaced at once
MOST_WAIT = 30.0  # seconds between two starts of a worker that ends again and again
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def clock() -> float:
    """Return seconds that go on while the machine sleeps."""
    return time.clock_gettime(_CLOCK)


class WorkerLease:
    """The lease of one worker, as far as this process knows it.

    Args:
        server: where the queue is.
        timeout: seconds for one answer, shorter than the lease.
        worker: whose.
        seconds: how long it holds after a renewal.

    Attributes:
        worker: whose.
        until: when it ends, by `clock`; 0 before the first renewal.
    """

    def __init__(self, server: RedisUrl, worker: str, seconds: float, *, timeout: float) -> None:
        self.until = 0.0
        self.worker = worker
        self._seconds = seconds
        self._client = server.blocking_client(timeout=timeout)
        self._renew = with_prefix(scripts.RENEW, server.prefix + PREFIX)
        self._retire = with_prefix(scripts.RETIRE, server.prefix + PREFIX)

    @property
    def left(self) -> float:
        """Seconds until whoever relies on it must stop; the lease itself ends later, by the margin."""
        return self.until - MARGIN * self._seconds - clock()

    def renew(self) -> bool:
        """Try to renew; False where the queue does not respond or has given the worker up."""
        from redis.exceptions import RedisError

        sent = clock()
        try:
            if not self._client.eval(self._renew, 0, self.worker, int(self._seconds * 1000)):
                self.until = 0.0
                return False
        except (RedisError, OSError) as error:
            logger.warning("the queue does not respond: %s", type(error).__name__)
            return False
        self.until = sent + self._seconds
        return True

    def retire(self, *, counts: bool) -> None:
        """Hand back what the worker held, which must have ended; `counts` its tries."""
        from redis.exceptions import RedisError

        try:
            self._client.eval(self._retire, 0, self.worker, int(counts))
        except (RedisError, OSError) as error:
            logger.warning("runs come back at the end of the lease: %s", type(error).__name__)
        finally:
            self._client.close()


class Keeper:
    """Runs one worker process after the other, until a signal.

    Args:
        url: of the queue.
        command: returns the command of a worker, by its name.
        lease: seconds.
        stop_budget: seconds that a worker has after SIGTERM.
    """

    def __init__(
        self, url: Secret, command: Callable[[str], list[str]], *, lease: float, stop_budget: float
    ) -> None:
        self._server = RedisUrl(url)
        self._command = command
        self._seconds = lease
        self._budget = stop_budget
        self._stopping_since = self._replacing_since = 0.0

    def run(self) -> None:
        """Return after SIGTERM or SIGINT, once the worker has ended; at SIGHUP replace it."""
        wait = 0.5
        with _signals() as signals:
            while not self._stopping_since:
                name = f"{socket.gethostname()}-{uuid4().hex}"
                lease = WorkerLease(self._server, name, self._seconds, timeout=TIMEOUT * self._seconds)
                began, self._replacing_since = clock(), 0.0
                if lease.renew():
                    self._tend(lease, signals)
                if self._replacing_since:
                    continue
                wait = 0.5 if clock() - began > STEADY else min(MOST_WAIT, 2 * wait)
                if not self._stopping_since:
                    self._sleep(signals, wait)

    def _tend(self, lease: WorkerLease, signals: socket.socket) -> None:
        """Run one worker to its end."""
        worker = subprocess.Popen(self._command(lease.worker), stdin=subprocess.PIPE)  # noqa: S603
        killed = False
        try:
            while worker.poll() is None:
                self._sleep(signals, min(self._seconds / RENEWALS, max(lease.left, 0)))
                if not (lease.left > 0 and lease.renew()) and lease.left <= 0 and worker.poll() is None:
                    logger.error("the lease cannot be renewed: ending the worker before others do its work")
                    killed = True
                    worker.kill()
                asked_since = self._stopping_since or self._replacing_since
                if asked_since and worker.poll() is None:
                    worker.terminate()
                    if clock() - asked_since > self._budget:
                        killed = True
                        worker.kill()
        finally:
            worker.kill()
            status = worker.wait()
        is_asked = bool(self._stopping_since or self._replacing_since)
        if not is_asked and not killed:
            logger.error("a worker ended by itself, with status %d; another one is started", status)
        lease.retire(counts=not is_asked)

    def _sleep(self, signals: socket.socket, seconds: float) -> None:
        """Wait, but no longer than until a signal."""
        if not select.select([signals], [], [], seconds)[0]:
            return
        for number in signals.recv(64):
            if number in {signal.SIGTERM, signal.SIGINT} and not self._stopping_since:
                self._stopping_since = clock()
            elif number == signal.SIGHUP and not self._replacing_since:
                self._replacing_since = clock()


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """Give a socket on which a byte arrives for each signal."""
    reader, writer = socket.socketpair()
    for each in (reader, writer):
        each.settimeout(0)
    before = signal.set_wakeup_fd(writer.fileno())
    handled = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
    old = {number: signal.signal(number, lambda *_: None) for number in handled}
    try:
        yield reader
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before)
        reader.close()
        writer.close()


def end_with_parent(parent: int) -> None:
    """End this process when its keeper does, whatever it is doing; call it first.

    Args:
        parent: the keeper's process id.
    """
    import threading

    def watch() -> None:
        os.read(0, 1)  # which ends with the keeper
        os._exit(1)

    threading.Thread(target=watch, name="annex-keeper-watch", daemon=True).start()
    try:
        import ctypes

        ctypes.CDLL(None).prctl(
            1, signal.SIGKILL
        )  # PR_SET_PDEATHSIG, also for a held interpreter; Linux alone
    except (AttributeError, OSError):
        return
    if os.getppid() != parent:
        os._exit(1)

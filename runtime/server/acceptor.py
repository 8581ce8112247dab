"""Accepts all waiting connections at once, where the loop alone accepts one an iteration.

libuv accepts one connection in an iteration of the loop, so that several processes can share a socket. An
iteration of a busy process answers a request of every connection, so the 200th caller would wait for all of
them 200 times. Here the listening sockets are read once more, and all that wait are accepted together.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable, Iterable

from runtime.server.descriptors import reserve
from shared.throttle import Throttle

logger = logging.getLogger(__name__)

ACCEPTS_PER_TURN = 256  # connections: some milliseconds
SHARED_PER_TURN = 8  # where other workers accept from the same sockets, so that a burst is divided
RETRY_AFTER = 1.0  # seconds, when descriptors or memory are exhausted
SHORTAGE = "this process has too many open files: a function leaves them open; connections use the reserve"


class Acceptor:
    """Accepts, beside the loop's own server, from sockets that listen already; closed when the server is.

    Args:
        sockets: that listen; each is duplicated, and stays open when the duplicate is closed.
        protocol: makes the protocol of a connection.
        is_shared: other processes accept from the same sockets.
    """

    def __init__(
        self,
        sockets: Iterable[socket.socket],
        protocol: Callable[[], asyncio.Protocol],
        *,
        is_shared: bool = False,
    ) -> None:
        self._per_turn = SHARED_PER_TURN if is_shared else ACCEPTS_PER_TURN
        self._loop = asyncio.get_running_loop()
        self._protocol = protocol
        self._shortages = Throttle(seconds=60)
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners = [each.dup() for each in sockets]
        for listener in self._listeners:
            listener.settimeout(0)
            self._open(listener)

    def stop(self) -> None:
        """Accept no more."""
        for listener in self._listeners:
            self._loop.remove_reader(listener)
            listener.close()
        self._listeners.clear()

    async def close(self) -> None:
        """Stop accepting; return once every accepted connection has its protocol: a stop must miss none."""
        self.stop()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _open(self, listener: socket.socket) -> None:
        if listener in self._listeners:
            self._loop.add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(self._per_turn):
            try:
                connection = self._accepted(listener)
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # descriptors or memory are exhausted
                logger.warning("cannot accept connections: %s", error.strerror)
                self._loop.remove_reader(listener)
                self._loop.call_later(RETRY_AFTER, self._open, listener)
                return
            connection.settimeout(0)
            # Not by the loop's factory, which a function may have replaced.
            task = asyncio.Task(self._connect(connection), loop=self._loop)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _accepted(self, listener: socket.socket) -> socket.socket:
        """Accept one connection; where functions have every descriptor, with one of the reserve."""
        try:
            return listener.accept()[0]
        except OSError as error:
            if error.errno != errno.EMFILE:
                raise
        with reserve():
            connection = listener.accept()[0]
        if self._shortages.admit() is not None:
            logger.error(SHORTAGE)
        return connection

    async def _connect(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError:
            connection.close()  # the caller has left already

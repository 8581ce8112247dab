"""Accepts everybody who waits at the door, where the loop alone would let in one a turn.

libuv accepts one connection in a turn of the loop, so that several processes can share a socket. A turn of a
busy process answers a request of every connection it has, and whoever comes 200th has waited for all of them
200 times. Here the door is opened once more, and those who wait come in together.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable

logger = logging.getLogger(__name__)

AT_ONCE = 256  # connections in a turn: some milliseconds
PAUSE = 1.0  # seconds, when there is nothing left for one more


class Acceptor:
    """Accepts, beside the loop's own server, from sockets that listen already; closed when the server is.

    Args:
        sockets: that listen; each is duplicated, so that closing this one leaves it open.
        protocol: makes the protocol of a connection.
    """

    def __init__(self, sockets: Iterable[socket.socket], protocol: Callable[[], asyncio.Protocol]) -> None:
        self._loop = asyncio.get_running_loop()
        self._protocol = protocol
        self._tasks: set[asyncio.Task[None]] = set()
        self._doors = [each.dup() for each in sockets]
        for door in self._doors:
            door.settimeout(0)
            self._open(door)

    async def close(self) -> None:
        """Accept nobody any more; return once all who were accepted are in, so that a stop misses none."""
        for door in self._doors:
            self._loop.remove_reader(door)
            door.close()
        self._doors.clear()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _open(self, door: socket.socket) -> None:
        if door in self._doors:
            self._loop.add_reader(door, self._accept, door)

    def _accept(self, door: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                guest, _address = door.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:  # no descriptor is left, or no memory
                logger.warning("no connection can be accepted: %s", error.strerror)
                self._loop.remove_reader(door)
                self._loop.call_later(PAUSE, self._open, door)
                return
            guest.settimeout(0)
            task = self._loop.create_task(self._connect(guest))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self, guest: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, guest)
        except OSError:
            guest.close()  # gone before it was in

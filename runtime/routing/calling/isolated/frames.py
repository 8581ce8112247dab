"""Messages over a stream socket, each behind its length; both ends use it."""

import asyncio
from collections.abc import Callable
from typing import Any

HEAD = 4  # bytes before each message: its length


class Framed(asyncio.Protocol):
    """Gives each message to `take` as it arrives, and calls `lost` once at the end.

    asyncio's streams would do the same in two more turns of the loop.
    """

    def __init__(self, take: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        self._take = take
        self._lost = lost
        self._buffer = bytearray()
        self._resumed: asyncio.Future[None] | None = None
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Give what is complete."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= HEAD:
            end = HEAD + int.from_bytes(buffer[:HEAD])
            if len(buffer) < end:
                return
            message = bytes(buffer[HEAD:end])
            del buffer[:end]
            self._take(message)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002  # the protocol's shape
        """Say so."""
        self.resume_writing()
        self._lost()

    def pause_writing(self) -> None:
        """Let `drained` wait."""
        self._resumed = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """Let `drained` return."""
        if self._resumed is not None and not self._resumed.done():
            self._resumed.set_result(None)
        self._resumed = None

    async def drained(self) -> None:
        """Return once the other end has room for more."""
        if self._resumed is not None:
            await asyncio.shield(self._resumed)

    @property
    def is_open(self) -> bool:
        """Whether anything can still be sent."""
        return self.transport is not None and not self.transport.is_closing()

    def send(self, framed: bytes) -> None:
        """Send messages that `framed` has made; drop them once the connection is closed."""
        if self.is_open:
            self.transport.write(framed)

    def close(self) -> None:
        """Close the connection."""
        if self.transport is not None:
            self.transport.close()


def framed(message: bytes) -> bytes:
    """Return a message as it is sent."""
    return len(message).to_bytes(HEAD) + message

"""The writing side of one connection: when bytes leave, and who waits for a peer that does not read."""

import asyncio
import contextlib
from collections.abc import Callable

from runtime.server.outbox import Outbox

COALESCED = 64 * 1024  # bytes of a response that waits for the outbox; more needs backpressure


class Writer:
    """Writes to one transport, in order, together with the outbox of its server.

    Attributes:
        is_reading: the transport reads; the application's pace may stop it for a while.
        congestion: exists while the peer does not read as fast as we write, and is set at its end.
    """

    def __init__(
        self, transport: asyncio.Transport, outbox: Outbox, *, stall: float, on_stall: Callable[[], None]
    ) -> None:
        """Take the transport.

        Args:
            transport: of the connection.
            outbox: of the server.
            stall: seconds without the peer reading a byte after which the connection is aborted.
            on_stall: called then.
        """
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._outbox = outbox
        self._stall = stall
        self._on_stall = on_stall
        self._stall_timer: asyncio.TimerHandle | None = None
        self._peer_ended = False
        self.is_reading = True
        self.congestion: asyncio.Event | None = None

    @property
    def is_closing(self) -> bool:
        """Nothing more is written."""
        return self._transport.is_closing()

    def put(self, data: bytes) -> None:
        """Write a whole response at the end of this iteration of the loop."""
        self._outbox.put(self._loop, self._transport, data)

    def write(self, *pieces: bytes) -> None:
        """Write now, behind everything that was put."""
        self._outbox.flush()
        for piece in pieces:  # `writelines` of CPython 3.12 and 3.13.0 never pauses the writer
            self._transport.write(piece)

    def end(self) -> None:
        """Write no more, but read on.

        Closing with unread bytes would reset the connection, and discard what the peer has not read yet.
        """
        self._outbox.flush()
        with contextlib.suppress(OSError):  # the peer has left
            self._transport.write_eof()

    def close(self) -> None:
        """Close once everything is written."""
        self._outbox.flush()
        self._transport.close()

    def hang_up(self) -> None:
        """Close, without waiting for a peer that does not read."""
        self.close()
        if self._transport.get_write_buffer_size():
            self._transport.abort()

    # Backpressure, in both directions.

    def pause_reading(self) -> None:
        """Let the peer wait."""
        if self.is_reading and not self._peer_ended:
            self.is_reading = False
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        if not self.is_reading:
            self.is_reading = True
            self._transport.resume_reading()

    def pause_writing(self) -> None:
        """Begin a congestion, and watch that the peer reads at all."""
        self.congestion = asyncio.Event()
        self._watch()

    def resume_writing(self) -> None:
        """End it."""
        if self.congestion is not None:
            self.congestion.set()
            self.congestion = None
        if self._stall_timer is not None:
            self._stall_timer.cancel()

    def _watch(self) -> None:
        waiting = self._transport.get_write_buffer_size()
        self._stall_timer = self._loop.call_later(self._stall, self._check, waiting)

    def _check(self, before: int) -> None:
        if self._transport.get_write_buffer_size() < before:
            self._watch()
        else:
            self._on_stall()
            self._transport.abort()

    def peer_ended(self) -> None:
        """Take note that nothing is left to be read."""
        self._peer_ended = True

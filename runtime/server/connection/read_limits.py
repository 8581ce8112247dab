"""How long a request may take to arrive, and how much of it may be kept until something is complete."""

import asyncio
from collections.abc import Callable

from runtime.server.listener import ConnectionLimits
from shared.errors import HeadersTooLarge, RequestTimeout


class ReadLimits:
    """Watches one head or one body at a time; a timer runs only while one is awaited."""

    def __init__(
        self,
        limits: ConnectionLimits,
        *,
        is_held_up: Callable[[], bool],
        on_timeout: Callable[[RequestTimeout], None],
    ) -> None:
        """Watch nothing yet.

        Args:
            limits: of the connection.
            is_held_up: returns whether the body waits for us, rather than for the peer.
            on_timeout: called with what the peer is to be answered.
        """
        self._loop = asyncio.get_running_loop()
        self._limits = limits
        self._is_held_up = is_held_up
        self._on_timeout = on_timeout
        self._timer: asyncio.TimerHandle | None = None
        self._heard = 0.0  # when the last bytes arrived
        self._body_due = 0.0
        self._in_body = False
        self._progressed = False  # the last bytes completed something
        self._kept = 0  # bytes received since something was completed

    # What arrives.

    def received(self) -> None:
        """Take note that bytes arrived, before they are parsed."""
        self._heard = self._loop.time()
        self._progressed = False

    def head_ended(self) -> None:
        """Give the body its time."""
        self._progressed = self._in_body = True
        self._body_due = self._heard + self._limits.body_time
        if self._timer is not None:
            self.stop()

    def body_continued(self) -> None:
        """Take note of a piece of the body."""
        self._progressed = True

    def body_ended(self) -> None:
        """Await nothing."""
        self._progressed, self._in_body = True, False
        if self._timer is not None:
            self.stop()

    def parsed(self, size: int, *, in_head: bool) -> None:
        """Bound what the `size` bytes that arrived leave unfinished.

        Raises:
            HeadersTooLarge: more is kept than may be.
        """
        self._kept = 0 if self._progressed else self._kept + size
        if self._kept > self._limits.head_bytes:
            raise HeadersTooLarge(f"The header fields exceed {self._limits.head_bytes} bytes.")
        if self._in_body:
            self._await_body()
        elif (in_head or not self._progressed) and self._timer is None:
            self._timer = self._loop.call_later(self._limits.head_time, self._head_is_late)

    # What does not arrive.

    def linger(self) -> None:
        """Give the rest of a body that nobody reads its last seconds."""
        self._body_due = min(self._body_due, self._loop.time() + self._limits.linger)
        self.stop()
        self._await_body()

    def stop(self) -> None:
        """Watch nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _await_body(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(max(self._body_left(), 0), self._body_may_be_late)

    def _body_left(self) -> float:
        return min(self._heard + self._limits.body_stall, self._body_due) - self._loop.time()

    def _head_is_late(self) -> None:
        self._timer = None
        self._on_timeout(RequestTimeout("The request headers did not arrive in time."))

    def _body_may_be_late(self) -> None:
        # A function that does not read has its own deadline.
        left = self._limits.body_stall if self._is_held_up() else self._body_left()
        self._timer = None
        if left > 0:
            self._timer = self._loop.call_later(left, self._body_may_be_late)
        else:
            self._on_timeout(RequestTimeout("The request body did not arrive in time."))

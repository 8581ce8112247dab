"""How long a request may take to arrive."""

import asyncio
from collections.abc import Callable

from runtime.server.listener import ConnectionLimits
from shared.errors import RequestTimeout


class ReadTimeouts:
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
        self._heard = 0.0  # when the last byte arrived
        self._body_due = 0.0

    def heard(self) -> None:
        """Take note that bytes arrived."""
        self._heard = self._loop.time()

    def stop(self) -> None:
        """Watch nothing: the head or the body is complete."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def await_head(self) -> None:
        """Watch the head, if it is not watched yet."""
        if self._timer is None:
            self._timer = self._loop.call_later(self._limits.head_time, self._head_is_late)

    def head_ended(self) -> None:
        """Watch nothing; from now on the body has its time."""
        self.stop()
        self._body_due = self._heard + self._limits.body_time

    def await_body(self) -> None:
        """Watch the body, if it is not watched yet."""
        if self._timer is None:
            self._timer = self._loop.call_later(max(self._body_left(), 0), self._body_may_be_late)

    def linger(self) -> None:
        """Give the rest of a body that nobody reads its last seconds."""
        self._body_due = min(self._body_due, self._loop.time() + self._limits.linger)
        self.stop()
        self.await_body()

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

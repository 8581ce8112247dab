"""Whole responses of one iteration of the event loop, written together at its end.

Written one by one, each would wake its reader while the next request is worked on (docs/adr/0096).
"""

import asyncio
from contextvars import Context


class Outbox:
    """Responses about to be written to the connections of one server."""

    __slots__ = ("_context", "_waiting")

    def __init__(self) -> None:
        self._waiting: list[tuple[asyncio.Transport, bytes]] = []
        self._context = Context()  # a flush belongs to no request

    def put(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, data: bytes) -> None:
        """Write `data` at the end of this iteration of `loop`."""
        if not self._waiting:
            loop.call_soon(self.flush, context=self._context)
        self._waiting.append((transport, data))

    def flush(self) -> None:
        """Write all now: before anything else is written to one of the connections, or one is closed."""
        waiting, self._waiting = self._waiting, []
        for transport, data in waiting:
            if not transport.is_closing():
                transport.write(data)

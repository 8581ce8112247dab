"""Whole answers of one turn of the event loop, which leave together at its end.

Written one by one, each wakes its reader while the next request is worked on; a reader that is awake already
costs nothing to tell more (docs/adr/0096).
"""

import asyncio
from contextvars import Context


class Outbox:
    """What is about to be written to the connections of one server."""

    __slots__ = ("_context", "_waiting")

    def __init__(self) -> None:
        self._waiting: list[tuple[asyncio.Transport, bytes]] = []
        self._context = Context()  # a flush is of no request

    def put(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, data: bytes) -> None:
        """Write `data` at the end of this turn of `loop`."""
        if not self._waiting:
            loop.call_soon(self.flush, context=self._context)
        self._waiting.append((transport, data))

    def flush(self) -> None:
        """Write it now: before something else is written to one of the connections, or one is closed."""
        waiting, self._waiting = self._waiting, []
        for transport, data in waiting:
            if not transport.is_closing():
                transport.write(data)

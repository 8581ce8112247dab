"""Whether a peer that sends no more has left."""

import asyncio
import socket

from runtime.server.connection.exchange import Exchange
from runtime.server.connection.pipeline import Pipeline

FIRST_WAIT, LONGEST_WAIT = 0.005, 0.5  # seconds between two looks, each twice the one before


class PeerWatch:
    """Aborts a connection whose peer has closed its socket, once an application wants to know.

    What arrives is the same whether a peer closes its socket or its sending half only. What is sent tells the
    two apart: a closed socket answers it with a reset (docs/adr/0111). No event loop reports that while
    nothing is read, so it is looked for.
    """

    def __init__(self, transport: asyncio.Transport, pipeline: Pipeline) -> None:
        """Watch nothing yet.

        Args:
            transport: of the connection.
            pipeline: of the connection.
        """
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._pipeline = pipeline
        self._asked: Exchange | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Watch a peer that has sent its last byte."""
        self._look(FIRST_WAIT)

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self, wait: float) -> None:
        if self._has_left():
            self._transport.abort()
        else:
            self._timer = self._loop.call_later(wait, self._look, min(2 * wait, LONGEST_WAIT))

    def _has_left(self) -> bool:
        exchange = self._pipeline.first
        if exchange is not None and exchange.is_watched and exchange is not self._asked:
            self._asked = exchange
            return not exchange.ask_peer()
        peer: socket.socket = self._transport.get_extra_info("socket")
        return peer.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0

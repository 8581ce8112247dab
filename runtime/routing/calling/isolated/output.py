"""What a process writes, read by its worker: the lines of its log, and what its function prints."""

import asyncio
import fcntl
import os
import sys
from collections.abc import Callable
from typing import Any

PIPE = 4096  # bytes that a process can write before it waits
AT_ONCE = 20  # lines after which it waits
PAUSE = 0.02  # seconds that it waits


class OutputLines(asyncio.Protocol):
    """Gives whole lines, and makes a process wait that writes many: this loop serves others as well.

    Args:
        take: is given them.
        longest: bytes of a line, which is cut there.
    """

    def __init__(self, take: Callable[[list[bytes]], None], longest: int) -> None:
        self._take = take
        self._longest = longest
        self._rest = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Give what is complete."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > self._longest:
            lines.append(self._rest)
            self._rest = b""
        self._take(lines)
        if len(lines) > AT_ONCE:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(PAUSE, self._resume)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002  # the protocol's shape
        """Give the rest."""
        if self._rest:
            self._take([self._rest])

    def _resume(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()


def write_through(lines: list[bytes]) -> None:
    """Write lines of its log, which have the service's form already."""
    if lines:
        sys.stdout.write(b"\n".join(lines).decode("utf-8", "replace") + "\n")


def small_pipe() -> tuple[int, int]:
    """Return a pipe that holds little, so that a process that writes without end soon waits."""
    read, write = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, PIPE)
    return read, write

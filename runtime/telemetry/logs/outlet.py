"""A file whose writes never block: a thread writes what is queued.

A pipe whose reader has stopped takes 64 KiB and then blocks its writer, which holds a lock that every other
thread needs to log. Lines that exceed the queue are dropped, counted, and reported once lines are read again.
"""

import contextlib
import io
import logging
import os
import select
import threading
import time
from collections.abc import Buffer
from queue import SimpleQueue

logger = logging.getLogger("annex.log")  # telemetry's own loggers are throttled

QUEUE_LIMIT = 4 << 20  # bytes
WRITE_SIZE = 64 << 10  # bytes of one write
FLUSH_TIMEOUT = 2.0  # seconds that the end of a process waits for its last lines


class Outlet(io.RawIOBase):
    """Raw output whose writes never wait and never fail.

    Args:
        descriptor: where the lines go; it stays open.
        limit: bytes that may be queued.
    """

    def __init__(self, descriptor: int, *, limit: int = QUEUE_LIMIT) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._limit = limit
        # Reentrant, as is the queue: a destructor or a signal handler may print during a print.
        self._lock = threading.RLock()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._waiting: list[bytes] = []
        self._size = 0
        self._is_writing = False
        self._is_torn = False
        self._dropped = 0
        self._writer = threading.Thread(target=self._work, name="annex-log", daemon=True)
        self._writer.start()
        os.register_at_fork(after_in_child=self._forked)

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor, for child processes."""
        return self._descriptor

    def isatty(self) -> bool:
        """Return whether the descriptor is a terminal."""
        return os.isatty(self._descriptor)

    def close(self) -> None:
        """Do nothing: everybody in the process writes here, whoever calls `sys.stdout.close()`."""

    def write(self, data: Buffer, /) -> int:
        """Queue `data`, or drop it and count its lines when the queue is full; return its length."""
        text = bytes(data)
        with self._lock:
            if self._size + len(text) > self._limit and threading.current_thread() is not self._writer:
                self._dropped += _lines(text)
                return len(text)
            is_first = not self._waiting
            self._waiting.append(text)
            self._size += len(text)
            if is_first:
                self._wake.put(None)
        if not self._writer.is_alive():  # in a forked child, or at the very end of the interpreter
            self._write_waiting()
        return len(text)

    def drain(self, seconds: float = FLUSH_TIMEOUT) -> bool:
        """Wait at most `seconds` until everything is written; return whether it is."""
        deadline = time.monotonic() + seconds
        while self._waiting or self._is_writing:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def _work(self) -> None:
        while True:
            self._wake.get()
            self._write_waiting()

    def _write_waiting(self) -> None:
        with self._lock:
            self._is_writing = True
            lines, self._waiting, self._size = self._waiting, [], 0
        with contextlib.suppress(OSError):
            self._write_all(lines)
            self._report_dropped()
        self._is_writing = False

    def _write_all(self, lines: list[bytes]) -> None:
        """Write what was queued; count what could not be written.

        Raises:
            OSError: the reader is gone, the disk is full, the descriptor is closed.
        """
        text, written = b"".join(lines), 0
        try:
            if text and self._is_torn:
                self._put(b"\n")
            while written < len(text):
                written += self._put(text[written : written + WRITE_SIZE])
        except OSError:
            self._dropped += _lines(text[written:])
            self._is_torn = bool(written) and not text[:written].endswith(b"\n")
            raise
        self._is_torn = False

    def _put(self, part: bytes) -> int:
        while True:
            try:
                return os.write(self._descriptor, part)
            except BlockingIOError:  # another holder of the pipe has made it non-blocking
                waiting = select.poll()
                waiting.register(self._descriptor, select.POLLOUT)
                waiting.poll(1000)

    def _report_dropped(self) -> None:
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            logger.error(
                "%d log lines were dropped here: they were not read in time, or could not be written",
                dropped,
                extra={"left_out": dropped},
            )

    def _forked(self) -> None:
        """Forget the parent's lines: a child has no writer thread and writes them itself."""
        self._lock, self._wake = threading.RLock(), SimpleQueue()
        self._waiting, self._size, self._dropped, self._is_writing = [], 0, 0, False


def _lines(text: bytes) -> int:
    return text.count(b"\n") or bool(text)

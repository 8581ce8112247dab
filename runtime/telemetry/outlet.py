"""Where the process's lines leave it: written by a thread, so that no reader holds up the service.

A pipe whose reader has stopped takes 64 KiB and then holds whoever writes to it, while a lock is held that
everybody else needs who has something to say. In front of standard output and standard error stands therefore
a queue: what finds no room in it is left out, counted, and told once lines are taken again.
"""

import contextlib
import io
import logging
import os
import select
import sys
import threading
import time
from collections.abc import Buffer, Callable, Iterator
from queue import SimpleQueue
from typing import TextIO

logger = logging.getLogger("annex.log")  # telemetry's own loggers are throttled

ROOM = 4 << 20  # bytes that wait to be written
CHUNK = 64 << 10  # bytes of one write
PATIENCE = 2.0  # seconds that the end of a process waits for its last lines


class Outlet(io.RawIOBase):
    """A file whose writes never wait and never fail.

    Args:
        descriptor: where the lines go; it stays open.
        room: bytes that may wait.
    """

    def __init__(self, descriptor: int, *, room: int = ROOM) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._room = room
        # Reentrant, as is the queue: a destructor or a signal's handler may print in the middle of a print.
        self._lock = threading.RLock()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._waiting: list[bytes] = []
        self._size = 0
        self._is_writing = False
        self._is_torn = False
        self._left_out = 0
        self._writer = threading.Thread(target=self._work, name="annex-log", daemon=True)
        self._writer.start()
        os.register_at_fork(after_in_child=self._forked)

    def writable(self) -> bool:
        """It is there to be written to."""
        return True

    def fileno(self) -> int:
        """Return the descriptor, for child processes."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether a person looks at it."""
        return os.isatty(self._descriptor)

    def write(self, data: Buffer, /) -> int:
        """Take `data` in, or count its lines where there is no room for it; return its length."""
        text = bytes(data)
        with self._lock:
            if self._size + len(text) > self._room and threading.current_thread() is not self._writer:
                self._left_out += _lines(text)
                return len(text)
            is_first = not self._waiting
            self._waiting.append(text)
            self._size += len(text)
            if is_first:
                self._wake.put(None)
        if not self._writer.is_alive():  # in a forked child, or at the very end of the interpreter
            self._write_waiting()
        return len(text)

    def drain(self, seconds: float = PATIENCE) -> bool:
        """Wait until everything is written, at most so long; return whether it is."""
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
            self._tell_left_out()
        self._is_writing = False

    def _write_all(self, lines: list[bytes]) -> None:
        """Write what waited; whatever could not be written is counted.

        Raises:
            OSError: the reader is gone, the disk is full, the descriptor is closed.
        """
        text, written = b"".join(lines), 0
        try:
            if text and self._is_torn:
                self._put(b"\n")
            while written < len(text):
                written += self._put(text[written : written + CHUNK])
        except OSError:
            self._left_out += _lines(text[written:])
            self._is_torn = bool(written) and not text[:written].endswith(b"\n")
            raise
        self._is_torn = False

    def _put(self, part: bytes) -> int:
        while True:
            try:
                return os.write(self._descriptor, part)
            except BlockingIOError:  # somebody has made the pipe non-blocking, for everybody who has it
                waiting = select.poll()
                waiting.register(self._descriptor, select.POLLOUT)
                waiting.poll(1000)

    def _tell_left_out(self) -> None:
        if self._left_out:
            left_out, self._left_out = self._left_out, 0
            logger.error(
                "%d lines are missing here: nobody read them in time, or they could not be written",
                left_out,
                extra={"left_out": left_out},
            )

    def _forked(self) -> None:
        """Forget the parent's lines; a child has no thread that writes, and writes itself."""
        self._lock, self._wake = threading.RLock(), SimpleQueue()
        self._waiting, self._size, self._left_out, self._is_writing = [], 0, 0, False


@contextlib.contextmanager
def unblocked() -> Iterator[None]:
    """Put outlets before standard output and standard error for the length of the block.

    At its end the last lines get their time; a stream that still takes nothing keeps its outlet, because the
    interpreter's own end would wait for it as well.
    """
    _fill_gaps()
    before = sys.stdout, sys.stderr
    for stream in filter(None, before):  # None where it was closed before the start
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    standard = Outlet(1)
    is_one = os.path.sameopenfile(1, 2)  # then one queue keeps the order of both
    sys.stdout, sys.stderr = _text(standard), _text(standard if is_one else Outlet(2))
    ours = sys.stdout, sys.stderr
    try:
        yield
    finally:
        drained = drain(*ours)
        if drained and (sys.stdout, sys.stderr) == ours:
            sys.stdout, sys.stderr = before


def drain(*streams: TextIO | None, seconds: float = PATIENCE) -> bool:
    """Give the outlets behind these streams (standard output and error when none) time to write."""
    done = True
    for stream in streams or (sys.stdout, sys.stderr):
        outlet = getattr(stream, "buffer", None)
        if isinstance(outlet, Outlet) and stream is not None:
            stream.flush()
            done = outlet.drain(seconds) and done
    return done


def last_words(say: Callable[[], object], *, seconds: float = PATIENCE) -> None:
    """Let `say` log and its lines leave, for at most so long: an end must not wait for its log."""

    def speak() -> None:
        say()
        drain(seconds=seconds)

    speaker = threading.Thread(target=speak, name="annex-last-words", daemon=True)
    with contextlib.suppress(RuntimeError):  # there is no room for one more thread
        speaker.start()
        speaker.join(seconds)


def _text(outlet: Outlet) -> TextIO:
    """A line leaves whole: what has no line end yet waits for it."""
    return io.TextIOWrapper(outlet, encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[type-var]


def _lines(text: bytes) -> int:
    return text.count(b"\n") or bool(text)


def _fill_gaps() -> None:
    """Open what was closed before the start: the next socket would get the number, and our lines."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)

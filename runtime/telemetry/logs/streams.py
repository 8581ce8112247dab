"""The process's standard output and standard error while it serves, and the last lines before its end."""

import contextlib
import faulthandler
import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TextIO

from runtime.telemetry.logs.outlet import FLUSH_TIMEOUT, Outlet


@contextlib.contextmanager
def unblocked() -> Iterator[None]:
    """Put outlets before standard output and standard error for the length of the block.

    At its end the last lines have `FLUSH_TIMEOUT` to be written. A stream that still takes nothing keeps its
    outlet: the interpreter's own end would wait for it as well.
    """
    _fill_gaps()
    before = sys.stdout, sys.stderr
    for stream in filter(None, before):  # None where it was closed before the start
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    _unblock_crashes()
    standard = Outlet(1)
    is_one = os.path.sameopenfile(1, 2)  # then one queue keeps the order of both
    sys.stdout, sys.stderr = text_on(standard), text_on(standard if is_one else Outlet(2))
    ours = sys.stdout, sys.stderr
    try:
        yield
    finally:
        is_flushed = flush(*ours)
        if is_flushed and (sys.stdout, sys.stderr) == ours:
            sys.stdout, sys.stderr = before


def log_stream() -> TextIO:
    """Return a stream of the log's own on standard output; a function may detach or replace the process's."""
    outlet = getattr(sys.stdout, "buffer", None)
    return text_on(outlet) if isinstance(outlet, Outlet) else sys.stdout


def flush(*streams: TextIO | None, seconds: float = FLUSH_TIMEOUT) -> bool:
    """Wait for the outlets of `streams`, of the process when none; return whether all is written."""
    done = True
    for stream in streams or (sys.stdout, sys.stderr):
        outlet = getattr(stream, "buffer", None)
        if isinstance(outlet, Outlet) and stream is not None:
            stream.flush()
            done = outlet.drain(seconds) and done
    return done


def last_words(say: Callable[[], object], *, seconds: float = FLUSH_TIMEOUT) -> None:
    """Let `say` log, and wait at most `seconds` until its lines are written."""

    def speak() -> None:
        say()
        flush(seconds=seconds)

    speaker = threading.Thread(target=speak, name="annex-last-words", daemon=True)
    with contextlib.suppress(RuntimeError):  # no further thread can be started
        speaker.start()
        speaker.join(seconds)


def text_on(outlet: Outlet) -> TextIO:
    """Return a text stream on an outlet, which it passes whole lines."""
    return io.TextIOWrapper(outlet, encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[type-var]


def _fill_gaps() -> None:
    """Open descriptors that were closed before the start: the next socket would get our lines."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _unblock_crashes() -> None:
    """Give faulthandler, which writes past any outlet, a descriptor of standard error that never blocks.

    `O_NONBLOCK` on descriptor 2 itself would apply to every process that shares it.
    """
    if faulthandler.is_enabled():
        with contextlib.suppress(OSError):  # a socket cannot be opened once more
            faulthandler.enable(os.open("/proc/self/fd/2", os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK))

"""Spans and log lines that wait for their exporter, and the thread that hands them over."""

import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

logger = logging.getLogger(__name__)

_LAST = 30.0  # seconds for the last batches; who calls `shutdown` may give it less


class Exporter(Protocol):
    """What the queue hands its spans to: the SDK's, and ours that nobody changed."""

    def export(self, spans: Sequence[Any]) -> object:
        """Send them."""

    def shutdown(self) -> None:
        """Close what is open."""


class ExportQueue:
    """Hands things over in batches, from a thread of its own. When it is full the oldest are dropped.

    It warns of what it drops once: the SDK writes a warning for each, in the thread of the request, when the
    process is busiest.

    Attributes:
        what: the things, as a warning calls them.
        lost: those dropped because the queue was full.
    """

    what = "Log lines"

    def __init__(self, exporter: Exporter, *, limit: int, batch: int, delay: float) -> None:
        """Start the thread; `delay` is how long one waits for others, in seconds."""
        self.lost = 0
        self._exporter = exporter
        self._waiting: deque[Any] = deque(maxlen=limit)
        self._limit, self._batch, self._delay = limit, batch, delay
        self._is_shut = False
        self._begin()
        queue = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _begin_in_child(queue()))

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def put(self, one: Any) -> None:
        """Take one."""
        if self._is_shut:
            return
        number = len(self._waiting)
        if number == self._limit:
            if not self.lost:
                logger.warning("%s are dropped: the collector takes fewer than the service makes.", self.what)
            self.lost += 1
        self._waiting.append(one)
        if number + 1 >= self._batch and not self._full.is_set():
            self._full.set()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export what waits, in the thread of the caller; False when it took longer than the time allowed."""
        deadline = time.monotonic() + timeout_millis / 1000
        while self._waiting and time.monotonic() < deadline:
            self._export()
        return not self._waiting

    def shutdown(self) -> None:
        """Export what waits, for as long as the exporter takes, and close it."""
        if self._is_shut:
            return
        self._is_shut = True
        self._full.set()
        self._thread.join(_LAST)
        self._exporter.shutdown()

    def _begin(self) -> None:
        self._full = threading.Event()
        self._exporting = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="annex-export", daemon=True)
        self._thread.start()

    def begin_in_child(self) -> None:
        """Start anew in a process that was forked; what waited is sent by its parent."""
        self._waiting.clear()
        self._begin()

    def _run(self) -> None:
        while not self._is_shut:
            self._full.wait(self._delay)
            self._full.clear()
            self._export()
            while len(self._waiting) >= self._batch:
                self._export()
        while self._waiting:
            self._export()

    def _export(self) -> None:
        with self._exporting, suppress_instrumentation():
            batch = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
            if not batch:
                return
            try:
                self._exporter.export(batch)
            except Exception:
                logger.exception("%s were not sent: %d are lost.", self.what, len(batch))


class SpanQueue(ExportQueue, SpanProcessor):
    """Takes spans of the SDK, and `FactSpan`s."""

    what = "Spans"

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span of the SDK, if it is sampled."""
        if span.context is not None and span.context.trace_flags.sampled:
            self.put(span)


def _begin_in_child(queue: ExportQueue | None) -> None:
    if queue is not None:
        queue.begin_in_child()

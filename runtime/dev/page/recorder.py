"""The latest events, kept in memory for one developer: requests, their spans, the log."""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from msgspec import Struct
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, format_span_id, format_trace_id

from runtime.telemetry.logs import extras, request_ids

TRACES = 200
SPANS = 500  # of one trace
LINES = 500


class Span(Struct):
    """One ended span.

    Attributes:
        id: hexadecimal.
        parent: the span it hangs below, empty at the root.
        name: as recorded.
        kind: ``server``, ``client``, ``internal``, …
        start: seconds since the epoch.
        duration: milliseconds.
        is_error: its status is an error.
        is_entry: where a request entered this process, not what the service does for itself.
        attributes: as recorded.
        events: name, milliseconds after the start, attributes.
    """

    id: str
    parent: str
    name: str
    kind: str
    start: float
    duration: float
    is_error: bool
    is_entry: bool
    attributes: dict[str, Any]
    events: list[tuple[str, float, dict[str, Any]]]


class Line(Struct):
    """One log record.

    Attributes:
        time: seconds since the epoch.
        level: such as ``INFO``.
        logger: its name.
        message: with its arguments.
        extra: what the caller added, as text.
        trace: of the request it belongs to, empty outside of one.
        traceback: of its exception, empty without one.
    """

    time: float
    level: str
    logger: str
    message: str
    extra: dict[str, str]
    trace: str
    traceback: str


class Trace(Struct):
    """Everything of one trace that this process has seen, in the order of ends."""

    id: str
    spans: list[Span]


class Recorder(SpanProcessor):
    """Keeps the newest traces and log lines.

    Attributes:
        serial: grows with everything that is kept, so that a reader can ask for news.
    """

    def __init__(self) -> None:
        self.serial = 0
        self._lock = threading.Lock()
        self._traces: OrderedDict[str, Trace] = OrderedDict()
        self._requests: deque[tuple[str, Span]] = deque(maxlen=TRACES)
        self._lines: deque[Line] = deque(maxlen=LINES)
        self._told: list[Callable[[Trace], None]] = []

    def subscribe(self, listener: Callable[[Trace], None]) -> None:
        """Call `listener` with the trace whenever a request of it has ended."""
        self._told.append(listener)

    def on_end(self, span: ReadableSpan) -> None:
        """Keep an ended span."""
        kept, identity = _span(span), format_trace_id(span.context.trace_id)
        with self._lock:
            self.serial += 1
            trace = self._traces.setdefault(identity, Trace(identity, []))
            if len(trace.spans) < SPANS:
                trace.spans.append(kept)
            if kept.is_entry:
                self._requests.append((identity, kept))
            while len(self._traces) > TRACES:
                self._traces.popitem(last=False)
        if kept.is_entry:
            for listener in self._told:
                listener(trace)

    def write(self, line: Line) -> None:
        """Keep a log line."""
        with self._lock:
            self.serial += 1
            self._lines.append(line)

    def requests(self) -> list[tuple[str, Span]]:
        """Return trace id and server span of the newest requests, newest first."""
        with self._lock:
            return list(reversed(self._requests))

    def trace(self, identity: str) -> Trace | None:
        """Return one trace, its spans by start."""
        with self._lock:
            trace = self._traces.get(identity)
            spans = sorted(trace.spans, key=lambda span: span.start) if trace else []
        return Trace(identity, spans) if spans else None

    def lines(self, trace: str = "") -> list[Line]:
        """Return the newest log lines, oldest first; of one trace when it is named."""
        with self._lock:
            return [line for line in self._lines if not trace or line.trace == trace]


class Lines(logging.Handler):
    """Hands every log record to a recorder."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record."""
        try:
            self._recorder.write(_line(record))
        except Exception:  # noqa: BLE001 - what a bad log call deserves is logging's to decide
            self.handleError(record)


def _line(record: logging.LogRecord) -> Line:
    trace = request_ids().get("trace_id", "")
    added = {key: str(value) for key, value in extras(record).items()}
    traceback = ""
    if record.exc_info and record.exc_info[1] is not None:
        traceback = logging.Formatter().formatException(record.exc_info)
    return Line(record.created, record.levelname, record.name, record.getMessage(), added, trace, traceback)


def _span(span: ReadableSpan) -> Span:
    start, end = span.start_time or 0, span.end_time or 0
    parent = span.parent
    return Span(
        id=format_span_id(span.context.span_id),
        parent=format_span_id(parent.span_id) if parent else "",
        name=span.name,
        kind=span.kind.name.lower(),
        start=start / 1e9,
        duration=(end - start) / 1e6,
        is_error=span.status.status_code is StatusCode.ERROR,
        is_entry=span.kind is SpanKind.SERVER and (parent is None or parent.is_remote),
        attributes=dict(span.attributes or {}),
        events=[
            (event.name, (event.timestamp - start) / 1e6, dict(event.attributes or {}))
            for event in span.events
        ],
    )

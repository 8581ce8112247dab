"""What a span passes on its way to the collector: processors, queue, and the removal of exceptions' texts.

Libraries record exceptions through the SDK, which writes message and traceback as they are; both can quote a
body, a token or SQL. They are removed here, in the exporter's thread, so that no request waits for it.
"""

import logging
import threading
from collections.abc import Sequence

from opentelemetry.sdk.trace import Event, ReadableSpan, SpanProcessor, SynchronousMultiSpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status, TraceFlags

from runtime.telemetry.redaction import strip

logger = logging.getLogger(__name__)

_SAMPLED = int(TraceFlags.SAMPLED)
_IDLE = {
    getattr(kind, name) for kind in (SpanProcessor, BatchSpanProcessor) for name in ("on_start", "_on_ending")
}
_BY_THE_SDK = "exception.escaped"


class Processors(SynchronousMultiSpanProcessor):
    """The SDK's list of processors, but a single one is called without a loop, and only for what it does."""

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Add one more."""
        super().add_span_processor(span_processor)
        for name in ("on_start", "_on_ending", "on_end"):
            interested = [
                getattr(each, name)
                for each in self._span_processors
                if getattr(type(each), name) not in _IDLE
            ]
            if len(interested) < 2:
                setattr(self, name, interested[0] if interested else _nothing)
            else:
                self.__dict__.pop(name, None)


class SpanQueue(BatchSpanProcessor):
    """The SDK's queue without its warning for each dropped span.

    The SDK writes it in the thread of the request, when the process is busiest.

    Attributes:
        lost: spans dropped because the queue was full.
    """

    def __init__(self, exporter: SpanExporter, *, limit: int, batch: int, delay: float) -> None:
        super().__init__(exporter, limit, delay * 1000, batch)
        self.lost = 0
        self._queue = self._batch_processor._queue  # noqa: SLF001  # there is no public way to its length
        self._limit = limit
        self._nearly = batch - 1  # that many waiting spans and one more wake the thread

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a span; when the queue is full the oldest is dropped."""
        context = span._context  # noqa: SLF001  # it and its flags, without two calls
        if context is None or not context[3] & _SAMPLED:
            return
        waiting = len(self._queue)
        if waiting < self._nearly:
            self._queue.appendleft(span)
            return
        if waiting < self._limit:
            self._batch_processor.emit(span)
            return
        if not self.lost:
            logger.warning("Spans are dropped: the collector takes fewer than the service makes.")
        self.lost += 1
        self._queue.appendleft(span)


def _nothing(*_: object, **__: object) -> None:
    """In place of calls that no processor handles."""


class RedactingExporter(SpanExporter):
    """Passes spans on to another exporter, with exceptions reduced to type and place."""

    def __init__(self, exporter: SpanExporter, is_shut: threading.Event | None = None) -> None:
        self._exporter = exporter
        self._is_shut = is_shut or threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export the spans, redacted; nothing once it is shut."""
        if self._is_shut.is_set():
            return SpanExportResult.FAILURE
        return self._exporter.export([redacted(span) if span._events else span for span in spans])  # noqa: SLF001

    def shutdown(self) -> None:
        """Close the other exporter."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the other exporter."""
        return self._exporter.force_flush(timeout_millis)


def redacted(span: ReadableSpan) -> ReadableSpan:
    """Return the span itself when nothing has to go, else a copy without it."""
    if not any(_BY_THE_SDK in (event.attributes or {}) for event in span.events):
        return span
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        events=[_redacted_event(event) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _redacted_event(event: Event) -> Event:
    attributes = dict(event.attributes or {})
    if _BY_THE_SDK not in attributes:
        return event
    attributes.pop("exception.message", None)
    attributes["exception.stacktrace"] = strip(str(attributes.get("exception.stacktrace", "")))
    return Event(event.name, attributes, event.timestamp)

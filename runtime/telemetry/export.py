"""What a span passes on its way to the collector: the removal of exceptions' texts, and OTLP over HTTP.

Libraries record exceptions through the SDK, which writes message and traceback as they are; both can quote a
body, a token or SQL. They are removed here, in the exporter's thread, so that no request waits for it.
"""

import gzip
import threading
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Status
from requests import Response, Session  # noqa: TID251  # in the exporter's thread, as the stock exporter

from runtime.telemetry.redaction import strip
from runtime.telemetry.spans.encoding import encode

_BY_THE_SDK = "exception.escaped"
_COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}


class Sender:
    """Sends requests that were encoded here, as the stock exporter sends its own: retries, TLS, compression.

    Its session is the only public way in: the exporter is asked to send no spans, and the session sends what
    we encoded.
    """

    def __init__(self, endpoint: str, headers: dict[str, str] | None, timeout: float) -> None:
        self._session = _EncodedHere()
        self._stock = OTLPSpanExporter(endpoint, headers=headers, timeout=timeout, session=self._session)

    def send(self, body: bytes) -> SpanExportResult:
        """Send a request; what the collector does not accept is lost, as with the stock exporter."""
        self._session.body = body
        return self._stock.export(())

    def close(self) -> None:
        """Close the connection."""
        self._stock.shutdown()  # type: ignore[no-untyped-call]  # theirs is untyped


class CompactExporter(SpanExporter):
    """The stock exporter in all but its encoder, which costs several times as much as ours."""

    def __init__(self, endpoint: str, headers: dict[str, str] | None, timeout: float) -> None:
        self._sender = Sender(endpoint, headers, timeout)

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        """Send `spans`."""
        return self._sender.send(encode(spans))

    def shutdown(self) -> None:
        """Close the connection."""
        self._sender.close()


class _EncodedHere(Session):
    """Sends its body in place of the one that it is given, compressed as the headers promise."""

    body = b""

    def request(self, method: Any, url: Any, **others: Any) -> Response:  # type: ignore[override]
        compress = _COMPRESSIONS.get(others["headers"].get("Content-Encoding", ""), bytes)
        return super().request(method, url, **{**others, "data": compress(self.body)})


class RedactingExporter(SpanExporter):
    """Passes spans on to another exporter, with exceptions reduced to type and place."""

    def __init__(self, exporter: SpanExporter, is_shut: threading.Event | None = None) -> None:
        self._exporter = exporter
        self._is_shut = is_shut or threading.Event()

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        """Export the spans, redacted; nothing once it is shut. A `FactSpan` has no exceptions."""
        if self._is_shut.is_set():
            return SpanExportResult.FAILURE
        return self._exporter.export(
            [redacted(span) if isinstance(span, ReadableSpan) else span for span in spans]
        )

    def shutdown(self) -> None:
        """Close the other exporter."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the other exporter."""
        return self._exporter.force_flush(timeout_millis)


def redacted(span: ReadableSpan) -> ReadableSpan:
    """Return the span itself when nothing has to go, else a copy without it."""
    events = span.events
    if not any(_BY_THE_SDK in (event.attributes or {}) for event in events):
        return span
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        events=[_redacted_event(event) for event in events],
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
    for name in ("exception.message", _BY_THE_SDK):  # the second is no longer in the conventions
        attributes.pop(name, None)
    attributes["exception.stacktrace"] = strip(str(attributes.get("exception.stacktrace", "")))
    return Event(event.name, attributes, event.timestamp)

"""The log's lines over OTLP, where `OTEL_LOGS_EXPORTER` asks for it; they are written as always besides.

A line is sent as it is written: within its limit, with the same things left out. The SDK's own way is in
modules that are not public.
"""

import json
import logging
import re
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import INVALID_SPAN_CONTEXT

from runtime.settings.groups.telemetry import TelemetrySettings
from runtime.telemetry.export import Sender
from runtime.telemetry.logs.lines import JsonLine
from runtime.telemetry.logs.setup import LockFreeHandler, limits_of
from runtime.telemetry.queue import ExportQueue

_TAKEN = frozenset({"level", "message", "time", "logger", "trace_id", "span_id", "requestId"})
_NAMES = {
    "function": "annex.function",
    "user_id": "user.id",
    "request_id": "annex.request_id",
    "exception": "exception.type",
    "exception_message": "exception.message",
    "traceback": "exception.stacktrace",
}
_OWN = ("annex.", "runtime.", "shared.agents.", "shared.database.")
"""Loggers of the product; others are a team's."""


class WaitingLine(NamedTuple):
    """A line that waits: seconds since the epoch, the level's number, the JSON object."""

    created: float
    level: int
    text: str


class LogShipper(LockFreeHandler):
    """Queues each line of the root logger from its making until `close`."""

    def __init__(self, queue: ExportQueue, settings: TelemetrySettings, *, production: bool) -> None:
        super().__init__()
        self._queue = queue
        self.setFormatter(JsonLine(messages=settings.exception_messages or not production))
        for each in limits_of(settings):
            self.addFilter(each)
        logging.getLogger().addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a line."""
        self._queue.put(WaitingLine(record.created, record.levelno, self.format(record)))

    def close(self) -> None:
        """Take no more lines, and send what waits."""
        logging.getLogger().removeHandler(self)
        self._queue.shutdown()
        super().close()


class LineExporter:
    """Sends lines; nothing once `is_shut`."""

    def __init__(self, sender: Sender, resource: Resource, is_shut: threading.Event) -> None:
        self._sender = sender
        blank = ReadableSpan("", INVALID_SPAN_CONTEXT, resource=resource)
        (head,) = encode_spans([blank]).resource_spans
        self._resource, self._schema = head.resource, resource.schema_url
        self._is_shut = is_shut

    def export(self, lines: Sequence[WaitingLine]) -> None:
        """Send them, grouped by logger."""
        by_logger: dict[str, list[LogRecord]] = defaultdict(list)
        for line in lines:
            with suppress(ValueError, TypeError):  # a record that somebody made by hand costs no other line
                members = json.loads(line.text)
                by_logger[members["logger"]].append(_record(line, members))
        scopes = [
            ScopeLogs(scope=InstrumentationScope(name=_clean(name)), log_records=records)
            for name, records in by_logger.items()
        ]
        group = ResourceLogs(resource=self._resource, scope_logs=scopes, schema_url=self._schema)
        if not self._is_shut.is_set():
            self._sender.send(ExportLogsServiceRequest(resource_logs=[group]).SerializeToString())

    def shutdown(self) -> None:
        """Close the connection."""
        self._sender.close()


def _record(line: WaitingLine, members: dict[str, Any]) -> LogRecord:
    at = int(line.created * 1e9)
    return LogRecord(
        time_unix_nano=at,
        observed_time_unix_nano=at,
        severity_number=min(max(line.level // 10, 0), 5) * 4 + 1,  # type: ignore[arg-type]  # 5 debug … 21 fatal
        severity_text=members["level"].upper(),
        body=_value(members["message"]),
        attributes=list(_attributes(members)),
        trace_id=_id(members.get("trace_id"), 16),
        span_id=_id(members.get("span_id"), 8),
    )


def _id(text: object, size: int) -> bytes:
    """Return an id of so many bytes; outside of a trace, a line may have anything under its name."""
    is_one = isinstance(text, str) and re.fullmatch(rf"[0-9a-f]{{{2 * size}}}", text)
    return bytes.fromhex(str(text)) if is_one else b""


def _attributes(members: dict[str, Any]) -> Iterator[KeyValue]:
    prefix = "annex." if members["logger"].startswith(_OWN) else ""
    for name, value in members.items():
        if name not in _TAKEN:
            yield KeyValue(key=_NAMES.get(name) or _clean(prefix + name), value=_value(value))


def _clean(text: str) -> str:
    """Replace half of a surrogate pair, which UTF-8 cannot hold."""
    return text.encode(errors="replace").decode()


def _value(value: Any) -> AnyValue:
    match value:
        case str():
            return AnyValue(string_value=_clean(value))
        case bool():
            return AnyValue(bool_value=value)
        case int() if value.bit_length() < 64:
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case _:
            return AnyValue(string_value=json.dumps(value))

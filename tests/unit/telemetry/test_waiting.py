"""Spans that wait for the collector."""

import logging
import threading
from collections.abc import Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from runtime.telemetry.exit import Waiting
from runtime.telemetry.spans import Spans


class Slow(SpanExporter):
    """Takes a batch once it is let."""

    def __init__(self) -> None:
        self.busy = threading.Event()
        self.let = threading.Event()
        self.taken: list[Any] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.busy.set()
        self.let.wait(5)
        self.taken.extend(spans)
        return SpanExportResult.SUCCESS


def started(processor: Waiting) -> Spans:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return Spans(provider.get_tracer("annex"))


def test_a_span_without_room_is_counted_and_told_once(caplog):
    processor = Waiting(exporter := Slow(), room=4, batch=4, delay=60)
    spans = started(processor)
    for _ in range(4):
        spans.start("GET", parent=Context(), links=()).end()
    assert exporter.busy.wait(5)
    with caplog.at_level(logging.WARNING):
        for _ in range(96):
            spans.start("GET", parent=Context(), links=()).end()
    exporter.let.set()
    processor.shutdown()
    assert (len(exporter.taken), processor.lost) == (8, 92)
    assert [record.message for record in caplog.records] == [
        "Spans are lost: the collector takes fewer than there are."
    ]

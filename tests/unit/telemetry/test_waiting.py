"""Spans that wait for the collector."""

import logging
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from runtime.telemetry.export import Processors, SpanQueue
from runtime.telemetry.spans.server import Spans


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


def started(processor: SpanQueue) -> Spans:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    return Spans(provider.get_tracer("annex"))


def test_a_span_beyond_the_queue_is_counted_and_logged_once(caplog):
    processor = SpanQueue(exporter := Slow(), limit=4, batch=4, delay=60)
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
        "Spans are dropped: the collector takes fewer than the service makes."
    ]


class Ends(SpanProcessor):
    """Notes the ends."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.heard.append(f"{span.name} ends")


class StartsAndEnds(Ends):
    """Notes the starts too."""

    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        self.heard.append(f"{span.name} starts")


@pytest.mark.parametrize("number", [1, 2, 3])
def test_every_processor_hears_what_it_listens_to_however_many_there_are(number: int):
    processors: list[Ends] = [StartsAndEnds(), Ends(), StartsAndEnds()][:number]
    provider = TracerProvider(active_span_processor=Processors(), shutdown_on_exit=False)
    provider.get_tracer("annex").start_span("nobody hears").end()
    for processor in processors:
        provider.add_span_processor(processor)
    Spans(provider.get_tracer("annex")).start("GET", parent=Context(), links=()).end()
    expected = [["GET starts", "GET ends"], ["GET ends"], ["GET starts", "GET ends"]]
    assert [processor.heard for processor in processors] == expected[:number]

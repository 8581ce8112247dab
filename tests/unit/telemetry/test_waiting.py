"""Spans that wait for the collector."""

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import Tracer

from runtime.telemetry.queue import SpanQueue
from runtime.telemetry.spans.tracers import Tracers


class Slow:
    """Takes a batch once it is let."""

    def __init__(self) -> None:
        self.busy = threading.Event()
        self.let = threading.Event()
        self.taken: list[Any] = []
        self.sizes: list[int] = []
        self.is_instrumented = True

    def export(self, spans: Sequence[Any]) -> None:
        self.busy.set()
        self.let.wait(5)
        self.is_instrumented = is_instrumentation_enabled()
        self.sizes.append(len(spans))
        self.taken.extend(spans)

    def shutdown(self) -> None:
        pass


type Begin = Callable[..., tuple[SpanQueue, Tracer]]


@pytest.fixture
def exporter() -> Slow:
    return Slow()


@pytest.fixture
def begin(exporter: Slow) -> Iterator[Begin]:
    queues = []

    def begun(**given: Any) -> tuple[SpanQueue, Tracer]:
        queue = SpanQueue(exporter, **{"limit": 4, "batch": 4, "delay": 60, **given})
        queues.append(queue)
        provider = Tracers(Resource({}))
        provider.add_span_processor(queue)
        return queue, provider.get_tracer("annex")

    yield begun
    exporter.let.set()
    for queue in queues:
        queue.shutdown()


def test_a_span_beyond_the_queue_is_counted_and_logged_once(begin: Begin, exporter: Slow, caplog):
    queue, tracer = begin()
    for _ in range(4):
        tracer.start_span("GET").end()
    assert exporter.busy.wait(5)
    with caplog.at_level(logging.WARNING):
        for _ in range(96):
            tracer.start_span("GET").end()
    assert len(queue) == 4
    exporter.let.set()
    queue.shutdown()
    assert (len(exporter.taken), queue.lost) == (8, 92)
    assert [record.message for record in caplog.records] == [
        "Spans are dropped: the collector takes fewer than the service makes."
    ]


def test_the_newest_spans_are_kept_when_the_queue_is_full(begin: Begin, exporter: Slow):
    queue, tracer = begin()
    for number in range(10):
        tracer.start_span(f"GET /{number}").end()
        if number == 3:
            assert exporter.busy.wait(5)
    exporter.let.set()
    queue.shutdown()
    assert [span.name for span in exporter.taken[4:]] == ["GET /6", "GET /7", "GET /8", "GET /9"]


def test_a_few_spans_leave_when_others_have_been_waited_for(begin: Begin, exporter: Slow):
    _, tracer = begin(delay=0.01)
    tracer.start_span("GET").end()
    assert exporter.busy.wait(5)


def test_what_waits_leaves_in_batches_at_the_end(begin: Begin, exporter: Slow):
    exporter.let.set()
    queue, tracer = begin(limit=100, batch=8)
    for _ in range(7):
        tracer.start_span("GET").end()
    queue.shutdown()
    for _ in range(3):
        tracer.start_span("GET").end()
    queue.shutdown()
    assert (exporter.sizes, len(queue)) == ([7], 0)


def test_flushing_sends_everything(begin: Begin, exporter: Slow):
    exporter.let.set()
    queue, tracer = begin(limit=100, batch=8)
    for _ in range(7):
        tracer.start_span("GET").end()
    assert queue.force_flush()
    assert (len(exporter.taken), len(queue)) == (7, 0)


def test_flushing_gives_up_when_its_time_is_over(begin: Begin):
    queue, tracer = begin(limit=100, batch=8)
    tracer.start_span("GET").end()
    assert not queue.force_flush(0)


def test_sending_makes_no_spans_of_an_instrumented_http_library(begin: Begin, exporter: Slow):
    exporter.let.set()
    queue, tracer = begin()
    tracer.start_span("GET").end()
    queue.force_flush()
    assert not exporter.is_instrumented


def test_an_exporter_that_fails_costs_its_batch_alone(begin: Begin, exporter: Slow, caplog):
    exporter.let.set()
    exporter.sizes = None  # type: ignore[assignment]  # so that it raises
    queue, tracer = begin()
    tracer.start_span("GET").end()
    queue.force_flush()
    exporter.sizes = []
    tracer.start_span("GET").end()
    queue.force_flush()
    assert exporter.sizes == [1]
    assert "Spans were not sent: 1 are lost." in caplog.text


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_process_that_was_forked_sends_its_own_spans_and_no_others(begin: Begin, exporter: Slow):
    exporter.let.set()
    queue, tracer = begin(limit=100, batch=8)
    tracer.start_span("of the parent").end()
    child = os.fork()
    if child == 0:
        tracer.start_span("of the child").end()
        queue.shutdown()
        os._exit([span.name for span in exporter.taken] != ["of the child"])
    assert os.waitpid(child, 0)[1] == 0
    assert len(queue) == 1

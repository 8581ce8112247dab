"""A collector that accepts everything, and counts afterwards what has arrived.

A span that was lost cost its server less than one that was sent: a figure without this count looks cheaper than it
is. Nothing is decoded while a measurement runs, as the collector sits on the load generator's core.

``python -m benchmarks.collector HOST PORT`` is one in a process of its own, which prints now and then what arrived.
"""

import contextlib
import gzip
import os
import sys
import time
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Histogram(NamedTuple):
    """What one process said last of one histogram, in the instrument's unit.

    Attributes:
        median: the upper edge of the bucket it lies in.
    """

    count: int = 0
    median: float = 0.0
    worst: float = 0.0


class Arrived(NamedTuple):
    """What came in since the last look.

    Attributes:
        spans: all of them.
        requests: those of kind SERVER, of which each recorded request has one.
    """

    spans: int
    requests: int
    histograms: dict[str, Histogram]


class Collector(ThreadingHTTPServer):
    """OTLP over HTTP; use `collecting`.

    Attributes:
        delay: seconds after which it answers.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), _Intake)
        self.delay = 0.0
        self.bodies: list[tuple[str, bytes]] = []
        self.endpoint = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Say nothing: a peer that is stopped resets its connection."""

    def take(self) -> Arrived:
        """Count what arrived since this was last called, and forget it."""
        bodies, self.bodies = self.bodies, []
        spans = requests = 0
        for span in _spans(body for path, body in bodies if path.endswith("/traces")):
            spans += 1
            requests += span.kind == Span.SPAN_KIND_SERVER
        return Arrived(
            spans, requests, _histograms(body for path, body in bodies if path.endswith("/metrics"))
        )


@contextlib.contextmanager
def collecting(*cores: int) -> Iterator[Collector]:
    """Run a collector, and with it this process, on `cores`."""
    os.sched_setaffinity(0, cores)
    collector = Collector()
    Thread(target=collector.serve_forever, daemon=True).start()
    yield collector
    collector.shutdown()
    collector.server_close()


class _Intake(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.bodies.append((self.path, body))
        time.sleep(self.server.delay)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _plain(body: bytes) -> bytes:
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body


def _spans(bodies: Iterable[bytes]) -> Iterator[Span]:
    for body in bodies:
        for resource in ExportTraceServiceRequest.FromString(_plain(body)).resource_spans:
            for scope in resource.scope_spans:
                yield from scope.spans


def _histograms(bodies: Iterable[bytes]) -> dict[str, Histogram]:
    found = {}
    for body in bodies:  # cumulative: the last one says all
        for resource in ExportMetricsServiceRequest.FromString(_plain(body)).resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.histogram.data_points:
                        found[metric.name] = _histogram(point)
    return found


def _histogram(point: HistogramDataPoint) -> Histogram:
    seen, edges = 0, [*point.explicit_bounds, point.max]
    for edge, count in zip(edges, point.bucket_counts, strict=True):
        seen += count
        if 2 * seen >= point.count:
            return Histogram(point.count, edge, point.max)
    return Histogram(point.count, point.max, point.max)


def main(host: str, port: str) -> None:
    """Collect until this process is ended."""
    collector = Collector(host, int(port))
    Thread(target=collector.serve_forever, daemon=True).start()
    while True:
        time.sleep(1)
        if arrived := collector.take().spans:
            print(arrived, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

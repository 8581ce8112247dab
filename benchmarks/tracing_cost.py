"""What tracing costs a request: ours, the stock ASGI middleware, a bare span, in microseconds of processor time.

Run `.venv/bin/python benchmarks/tracing_cost.py`. No server and no socket: one coroutine calls the wrapped
application, so that nothing but the wrapper is measured. The rounds of all candidates alternate and the best
counts, because a busy machine only ever adds. `--profile` prints where ours goes.
"""

import asyncio
import contextlib
import cProfile
import io
import logging
import pstats
import sys
import time
from collections.abc import Sequence
from typing import Any

from opentelemetry import context, trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind

from runtime.asgi.invocation import SCOPE_KEY, Invocation, current
from runtime.asgi.messages import ASGIApp, Message, Receive, Scope, Send
from runtime.config import Endpoint, Policy
from runtime.settings import load
from runtime.telemetry import Telemetry, Tracing, configure_logging
from runtime.telemetry.queue import SpanQueue

ROUNDS, REQUESTS = 9, 4000
SIGNAL = Endpoint(method="GET", template="/signals/{symbol}", file="signals/[symbol].py", policy=Policy())
BROWSER = [
    (b"host", b"annex.example.com"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip, deflate, br"),
    (b"authorization", b"Bearer " + b"x" * 800),
    (b"origin", b"https://app.example.com"),
    (b"referer", b"https://app.example.com/dashboard"),
    (b"sec-fetch-mode", b"cors"),
]
JOINED = [*BROWSER, (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]


class Nowhere(SpanExporter):
    """Takes batches and drops them: encoding is not part of a request."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002 - they are dropped
        """Drop them."""
        return SpanExportResult.SUCCESS


async def signal(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer as a function behind the gate would."""
    invocation: Invocation = scope[SCOPE_KEY]
    invocation.endpoint, invocation.auth, invocation.status = SIGNAL, "session", 200
    invocation.deadline = asyncio.get_running_loop().time() + 24
    head = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": b"{}"})


def bare(app: ASGIApp, provider: TracerProvider) -> ASGIApp:
    """Put nothing but one span of the SDK around an application."""
    tracer, root = provider.get_tracer("bare"), context.Context()

    async def traced(scope: Scope, receive: Receive, send: Send) -> None:
        span = tracer.start_span("GET", context=root, kind=SpanKind.SERVER)
        token = context.attach(trace.set_span_in_context(span, root))
        try:
            await app(scope, receive, send)
        finally:
            context.detach(token)
            span.end()

    return traced


async def seconds_of(app: ASGIApp, headers: list[tuple[bytes, bytes]]) -> float:
    """Return the processor seconds of one round."""

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        pass

    began = time.process_time()
    for _ in range(REQUESTS):
        invocation = Invocation(
            request_id="req_1", client="127.0.0.1", method="GET", started=time.perf_counter()
        )
        scope: dict[str, Any] = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "scheme": "https",
            "path": "/signals/SPY",
            "query_string": b"limit=5",
            "headers": headers,
            "client": ("127.0.0.1", 5000),
            "server": ("127.0.0.1", 8000),
            SCOPE_KEY: invocation,
        }
        token = current.set(invocation)
        await app(scope, receive, send)
        current.reset(token)
    return time.process_time() - began


def candidates() -> dict[str, ASGIApp]:
    """Return every candidate around the same application; all but `nothing` record and batch spans."""
    spans = TracerProvider(shutdown_on_exit=False)
    spans.add_span_processor(BatchSpanProcessor(Nowhere()))
    numbers = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    silent = MeterProvider(shutdown_on_exit=False)
    stock: Any = OpenTelemetryMiddleware
    return {
        "nothing": signal,
        "a bare SDK span": bare(signal, spans),
        "stock": stock(signal, tracer_provider=spans, meter_provider=numbers),
        "stock, without send and receive spans": stock(
            signal, tracer_provider=spans, meter_provider=numbers, exclude_spans=["send", "receive"]
        ),
        "stock, also without metrics": stock(
            signal, tracer_provider=spans, meter_provider=silent, exclude_spans=["send", "receive"]
        ),
        "ours": Tracing(signal, telemetry()),
        "ours, with a processor of others": Tracing(signal, watched()),
        "ours, not sampled": Tracing(signal, telemetry(OTEL_TRACES_SAMPLER_ARG="0")),
        "ours, with an access line each": Tracing(signal, telemetry(ANNEX_ACCESS_LOG_RATE="1000000000")),
    }


def telemetry(**environment: str) -> Telemetry:
    """Start ours as production would, but for the exporter and, unless asked for, access lines."""
    production = {"ANNEX_ENV": "production", "CLERK_JWT_KEY": "unused", "ANNEX_ACCESS_LOG_RATE": "0"}
    settings = load({**production, **environment})
    return Telemetry.start(settings, processors=[SpanQueue(Nowhere(), limit=2048, batch=512, delay=2)])


def watched() -> Telemetry:
    """Start ours with the SDK's batch processor beside it, as Sentry or Langfuse would add one."""
    started = telemetry()
    started.tracer_provider.add_span_processor(BatchSpanProcessor(Nowhere()))  # type: ignore[attr-defined]
    return started


async def measure() -> None:
    """Print the cost of each candidate above `nothing`, without and with a trace to join."""
    print(f"{'':38} {'new trace':>10} {'joined':>10}   µs a request")
    apps = candidates()
    best: dict[tuple[str, bool], float] = {}
    for _ in range(ROUNDS):
        for name, app in apps.items():
            for is_joined, headers in ((False, BROWSER), (True, JOINED)):
                spent = await seconds_of(app, headers) / REQUESTS * 1e6
                best[name, is_joined] = min(best.get((name, is_joined), spent), spent)
    for name in apps:
        new, joined = (best[name, which] - best["nothing", which] for which in (False, True))
        print(f"{name:38} {new:10.1f} {joined:10.1f}")


async def profile() -> None:
    """Print where our time goes, by function."""
    profiler = cProfile.Profile()
    app = Tracing(signal, telemetry())
    await seconds_of(app, JOINED)
    with profiler:
        await seconds_of(app, JOINED)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    configure_logging(load({}).telemetry, production=True, stream=io.StringIO())
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(profile() if "--profile" in sys.argv else measure())

"""What a query costs beyond its driver: plain asyncpg, its pool, and ours with spans, metrics and structs.

Run ``python -m benchmarks.database``: µs of processor time of this process for each query, and the ratio to a
bare connection in a loop. The rounds alternate and the best counts, because a busy machine only ever adds.
``--profile`` prints where ours goes, of the query whose name contains what follows.
"""

import cProfile
import os
import pstats
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import asyncpg
import uvloop
from opentelemetry import trace
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from benchmarks.surroundings import LOAD_CORE, SERVER_CORE, database
from runtime.database import open_database
from runtime.settings import load
from runtime.telemetry import Telemetry
from runtime.telemetry.encoding import encode
from runtime.telemetry.exit import Waiting
from shared import signals
from shared.database import Database

ROUNDS = 12
QUERIES = {
    "by key": (signals._LATEST, ("SPY",), 300),  # noqa: SLF001  # the very text, measured without its function
    "100 rows": (signals._LIST, (None, None, None, None, None, 100), 40),  # noqa: SLF001
}

type Query = Callable[[], Awaitable[object]]


class Nowhere(SpanExporter):
    """Encodes batches and drops them."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Encode them."""
        encode(spans)
        return SpanExportResult.SUCCESS


class Unread(MetricExporter):
    """Makes the instruments count."""

    def export(self, *_: object, **__: object) -> MetricExportResult:
        """Drop them."""
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 0) -> bool:  # noqa: ARG002 - nothing waits
        """Nothing waits."""
        return True

    def shutdown(self, timeout_millis: float = 0, **_: object) -> None:
        """Nothing is open."""


def candidates(name: str, bare: asyncpg.Connection, pool: asyncpg.Pool, ours: Database) -> dict[str, Query]:
    """Return the ways to run one query, by their names; ours is the last."""
    sql, args, _ = QUERIES[name]
    if name == "by key":
        return {
            "asyncpg, one connection": lambda: bare.fetchrow(sql, *args),
            "asyncpg, its pool": lambda: pool.fetchrow(sql, *args),
            "ours": lambda: ours.fetch_one(signals.Signal, sql, *args),
        }
    return {
        "asyncpg, one connection": lambda: bare.fetch(sql, *args),
        "asyncpg, its pool": lambda: pool.fetch(sql, *args),
        "ours": lambda: ours.fetch(signals.Signal, sql, *args),
    }


async def seconds_of(query: Query, times: int) -> float:
    """Return the processor seconds of this process for so many queries, one after the other."""
    began = time.process_time()
    for _ in range(times):
        await query()
    return time.process_time() - began


async def measure(name: str, queries: dict[str, Query]) -> None:
    """Print the cost of each way and its ratio to the first."""
    times, best = QUERIES[name][2], dict.fromkeys(queries, float("inf"))
    for _ in range(ROUNDS):
        for way, query in queries.items():
            best[way] = min(best[way], await seconds_of(query, times) / times * 1e6)
    first = next(iter(best.values()))
    for way, spent in best.items():
        print(f"{name:10} {way:26} {spent:8.1f} µs {spent / first:6.2f} x")


async def profile(query: Query, times: int) -> None:
    """Print where a query's time goes, by function."""
    await seconds_of(query, times)
    with cProfile.Profile() as profiler:
        await seconds_of(query, times * 10)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(45)


async def main(url: str) -> None:
    """Open everything as production does, but for the exporters, and measure."""
    settings = load({"ANNEX_ENV": "production", "CLERK_JWT_KEY": "unused", "DATABASE_URL": url})
    waiting = Waiting(Nowhere(), room=2048, batch=512, delay=2)
    telemetry = Telemetry.start(settings, processors=[waiting], exporters=[Unread()])
    async with AsyncExitStack() as stack:
        stack.enter_context(trace.use_span(telemetry.tracer.start_span("GET")))  # a request is always around
        ours = await stack.enter_async_context(open_database(settings, telemetry))
        pool = await stack.enter_async_context(asyncpg.create_pool(url, min_size=1, max_size=5))
        bare = await asyncpg.connect(url)
        stack.push_async_callback(bare.close)
        for name in QUERIES:
            queries = candidates(name, bare, pool, ours)
            if "--profile" not in sys.argv:
                await measure(name, queries)
            elif sys.argv[-1] in name:
                await profile(queries["ours"], QUERIES[name][2])


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(LOAD_CORE)})  # what is started now, the server, stays there
    with database() as (_, address):
        os.sched_setaffinity(0, {int(SERVER_CORE)})
        uvloop.run(main(address))

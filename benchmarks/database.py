"""What a query costs beyond its driver: plain asyncpg, its pool, and ours with spans, metrics and structs.

Run ``python -m benchmarks.database``: µs of processor time of this process for each query and µs from one to the
next, both with their ratio to a bare connection in a loop; then the same with two and with five loops at once. The
rounds alternate and the best counts, because a busy machine only ever adds. Plain asyncpg leaves JSON as text, so
there is one more that reads it as ours does.
``--profile`` prints where ours goes, of the query whose name contains what follows.
"""

import asyncio
import cProfile
import os
import pstats
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import NamedTuple

import asyncpg
import msgspec
import uvloop
from opentelemetry import trace
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from benchmarks.samples import LATEST, NEWEST, NEWEST_100, Sample
from benchmarks.surroundings import LOAD_CORE, SERVER_CORE, database
from runtime.dependencies import open_database
from runtime.settings import load
from runtime.telemetry import Telemetry
from runtime.telemetry.queue import SpanQueue
from runtime.telemetry.spans.encoding import encode
from shared.database import Database

ROUNDS = 12
QUERIES = {
    "by key": (LATEST, ("NORTH",), 300),
    "100 rows": (NEWEST, NEWEST_100, 40),
}

LOOPS = (1, 2, 5)
PLAIN = "asyncpg, a connection"

type Query = Callable[[], Awaitable[object]]


class Cost(NamedTuple):
    """Of one query, in µs: of the processor, and until the next."""

    spent: float
    passed: float

    def of(self, other: "Cost") -> "Cost":
        """Return both as multiples of another's."""
        return Cost(self.spent / other.spent, self.passed / other.passed)


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


def candidates(
    name: str, bare: Sequence[asyncpg.Connection], pool: asyncpg.Pool, ours: Database
) -> dict[str, list[Query]]:
    """Return the ways to run one query, by their names, a query for each loop; ours is the last."""
    sql, args, _ = QUERIES[name]
    verb = "fetchrow" if name == "by key" else "fetch"
    fetch = ours.fetch_one if name == "by key" else ours.fetch
    plain, reading = bare[: len(bare) // 2], bare[len(bare) // 2 :]
    return {
        PLAIN: [partial(getattr(each, verb), sql, *args) for each in plain],
        "the same, JSON read": [partial(getattr(each, verb), sql, *args) for each in reading],
        "asyncpg, its pool": [partial(getattr(pool, verb), sql, *args)] * len(plain),
        "ours": [partial(fetch, Sample, sql, *args)] * len(plain),
    }


async def cost_of(queries: Sequence[Query], times: int, flush: Callable[[], object]) -> Cost:
    """Return what so many queries cost, shared out among loops that run at once, their spans encoded."""
    each = times // len(queries)
    began, spent = time.perf_counter(), time.process_time()
    await asyncio.gather(*(loop(query, each) for query in queries))
    passed, done = time.perf_counter() - began, each * len(queries)
    flush()
    return Cost((time.process_time() - spent) / done * 1e6, passed / done * 1e6)


async def loop(query: Query, times: int) -> None:
    """Ask so many times, one after the other."""
    for _ in range(times):
        await query()


async def measure(
    name: str, ways: dict[str, list[Query]], loops: int, flush: Callable[[], object]
) -> dict[str, Cost]:
    """Return the cost of each way."""
    costs: dict[str, list[Cost]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, queries in ways.items():
            costs[way].append(await cost_of(queries[:loops], QUERIES[name][2], flush))
    return {way: Cost(*map(min, zip(*each, strict=True))) for way, each in costs.items()}


def show(name: str, loops: int, costs: dict[str, Cost]) -> None:
    """Print what was measured, with the ratios to the first."""
    first = next(iter(costs.values()))
    for way, cost in costs.items():
        spent, passed = cost.of(first)
        print(
            f"{name:9} {loops} {way:22} {cost.spent:8.1f} µs {spent:6.2f} x {cost.passed:8.1f} µs {passed:6.2f} x"
        )


def beside_the_driver() -> Cost:
    """Measure in a process of its own what a query by key costs as a multiple of plain asyncpg in a loop."""
    command = (sys.executable, "-m", "benchmarks.database", "--ratios")
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    return msgspec.json.decode(said.stdout, type=Cost)


@asynccontextmanager
async def connection(url: str, *, reads_json: bool) -> AsyncGenerator[asyncpg.Connection]:
    """Open a plain connection."""
    opened = await asyncpg.connect(url)
    if reads_json:
        await opened.set_type_codec(
            "jsonb", schema="pg_catalog", encoder=str, decoder=msgspec.json.Decoder().decode
        )
    try:
        yield opened
    finally:
        await opened.close()


async def profile(query: Query, times: int) -> None:
    """Print where a query's time goes, by function."""
    await loop(query, times)
    with cProfile.Profile() as profiler:
        await loop(query, times * 10)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(45)


async def main(url: str) -> None:
    """Open everything as production does, but for the exporters, and measure."""
    settings = load({"ANNEX_ENV": "production", "CLERK_JWT_KEY": "unused", "DATABASE_URL": url})
    waiting = SpanQueue(Nowhere(), limit=2048, batch=512, delay=2)
    telemetry = Telemetry.start(settings, processors=[waiting], exporters=[Unread()])
    async with AsyncExitStack() as stack:
        stack.enter_context(trace.use_span(telemetry.tracer.start_span("GET")))  # a request is always around
        ours = await stack.enter_async_context(open_database(settings, telemetry))
        pool = await stack.enter_async_context(asyncpg.create_pool(url, min_size=1, max_size=5))
        bare = [
            await stack.enter_async_context(connection(url, reads_json=n >= max(LOOPS)))
            for n in range(2 * max(LOOPS))
        ]
        for name in QUERIES:
            ways, flush = candidates(name, bare, pool, ours), waiting.force_flush
            if "--ratios" in sys.argv:
                costs = await measure(name, ways, 1, flush)
                print(msgspec.json.encode(costs["ours"].of(costs[PLAIN])).decode())
                return
            if "--profile" in sys.argv:
                await profile(ways["ours"][0], QUERIES[name][2] if sys.argv[-1] in name else 0)
                continue
            for loops in LOOPS:
                show(name, loops, await measure(name, ways, loops, flush))


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(LOAD_CORE)})  # what is started now, the server, stays there
    with database() as (_, address):
        os.sched_setaffinity(0, {int(SERVER_CORE)})
        uvloop.run(main(address))

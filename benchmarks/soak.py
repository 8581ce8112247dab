"""An hour at half of what the service can do, with what happens to a service in between.

    .venv/bin/python -m benchmarks.soak [--minutes 60] [--rate REQUESTS_A_SECOND]

Two workers, on loopback, everything on. In between: three deploys, two rotations of the signing key, a collector
that takes ten seconds for an answer, two restarts of the database. Requests are sent on schedule (an open loop), so
that a service that falls behind is seen in the latencies, which count from when a request was due. At the end three
times what it takes at once. Exits with 1 when a request failed that was not told 503 with `Retry-After`, when memory,
open files, threads or tasks of the last deployment are not flat, or when the overload was answered by anything but
200 and 503. A run of less than two minutes has the load alone.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
import uvloop

from benchmarks.collector import collecting
from benchmarks.openloop import Quarter, capacity, send
from benchmarks.stage import FLAT, QUARTERS, WORKERS, Samples, Stage, happenings
from runtime.dev.postgres import embedded
from runtime.dev.postgres.seed import DATABASE, ROLE, seed
from tests.fixtures.clerk import Issuer, serving
from tests.fixtures.postgres import SEED, memory_folder
from tests.fixtures.production import SLOW, environment, functions_of
from tests.fixtures.service import Service, annex

PATHS = ("/samples/NORTH", "/samples?limit=20", "/me")
CONCURRENCY = 100  # ANNEX_MAX_CONCURRENCY of each of the two workers
WARM = 10.0  # seconds at most before measuring
LEAST = 2.0  # minutes in which something can happen in between
READERS = '''"""Nothing here writes, so that a lost connection may be asked again."""

from runtime import Folder

config = Folder(read_only=True)
'''
TASKS = '''"""How many tasks the event loop of this worker has."""

import asyncio

from runtime import Function

config = Function(public=True)


async def get() -> int:
    """Count them."""
    return len(asyncio.all_tasks())
'''


async def overload(service: Service) -> tuple[Counter[int], float]:
    """Ask for three times as much as there is room for; return the answers, and the seconds to the next 200."""
    limits = httpx.Limits(max_connections=8 * CONCURRENCY)
    async with httpx.AsyncClient(base_url=service.url, limits=limits, timeout=30) as http:
        answers = await asyncio.gather(
            *(http.get("/slow", params={"seconds": 3}) for _ in range(6 * CONCURRENCY))
        )
        began = time.perf_counter()
        while (await http.get("/slow", params={"seconds": 0})).status_code != 200:  # noqa: ASYNC110  # asked from outside
            await asyncio.sleep(0.01)
        return Counter(answer.status_code for answer in answers), time.perf_counter() - began


async def measure(stage: Stage, minutes: float, rate: float) -> int:
    """Load it, judge it, and print the figures."""
    seconds, client = minutes * 60, stage.client
    await send(client, PATHS, rate=rate or 100, seconds=min(WARM, seconds / 3))
    if not rate:
        most = await capacity(client, PATHS)
        rate = most / 2
        print(
            f"capacity {most:,.0f} requests a second, load and all on this machine; half of it: {rate:,.0f}"
        )
    happening = asyncio.create_task(happenings(stage.events() if minutes >= LEAST else [], seconds))
    quarters = await send(client, PATHS, rate=rate, seconds=seconds, parts=QUARTERS)
    happened = await happening
    stage.sampling.cancel()
    print("| quarter | in between | 200 | told 503 with Retry-After | failed | p50 ms | p99 ms | worst ms |")
    print("|---|---|---|---|---|---|---|---|")
    for number, quarter in enumerate(quarters):
        print(_row(number + 1, ", ".join(happened[str(number)]), quarter))
    print(f"sent again, as an idle connection had ended: {client.again}")
    flat = _flat(stage.samples)
    client.close()
    answers, recovered = await overload(stage.service)
    print(f"overload of 6 x {CONCURRENCY}: {dict(answers)}, next 200 after {recovered * 1000:.0f} ms")
    is_told = not any(_failed(quarter) for quarter in quarters)
    return 0 if is_told and flat and set(answers) == {200, 503} and recovered < 1 else 1


async def soak(minutes: float, rate: float) -> int:
    """Set the stage, and measure."""
    issuer = Issuer()
    with (
        tempfile.TemporaryDirectory(prefix="annex-soak-", dir=memory_folder()) as name,
        contextlib.ExitStack() as stack,
    ):
        folder = Path(name)
        folder.chmod(0o711)  # PostgreSQL runs as another user, and keeps its data below
        collector = stack.enter_context(collecting(*os.sched_getaffinity(0)))
        postgres = await asyncio.to_thread(stack.enter_context, embedded(folder / "postgres"))
        await seed(postgres.socket_url(), SEED)
        async with serving(issuer) as jwks:
            files = {"slow.py": SLOW, "tasks.py": TASKS, "samples/_config.py": READERS}
            settings = environment(
                issuer,
                postgres.socket_url(DATABASE, ROLE),
                functions_of(folder, files, "samples", "me.py"),
                ANNEX_ENV="test",
                ANNEX_WORKERS=str(WORKERS),
                ANNEX_DRAIN_DELAY="3",
                ANNEX_MAX_CONCURRENCY=str(CONCURRENCY),
                CLERK_JWT_KEY="",
                CLERK_JWKS_URL=jwks.url,
                OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint,
            )
            with contextlib.ExitStack() as services:

                def start() -> Service:
                    return services.enter_context(annex("serve", folder, settings))

                stage = Stage(start, issuer, jwks, postgres, collector)
                await stage.begin()
                return await measure(stage, minutes, rate)


def main() -> int:
    """Read the arguments, and run."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--minutes", type=float, default=float(os.environ.get("MINUTES", "60")))
    asked.add_argument(
        "--rate",
        type=float,
        default=float(os.environ.get("RATE", "0")),
        help="requests a second; half the capacity",
    )
    given = asked.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(soak(given.minutes, given.rate))


def _failed(quarter: Quarter) -> int:
    return sum(
        count
        for told, count in quarter.told.items()
        if told and (not told.startswith("503") or "no Retry-After" in told)
    )


def _row(number: int, happened: str, quarter: Quarter) -> str:
    failed = {told: count for told, count in quarter.told.items() if told}
    told = "; ".join(f"{count} x {what}" for what, count in failed.items())
    p50, p99 = (statistics.quantiles(quarter.took, n=100)[at] * 1000 for at in (49, 98))
    worst = max(quarter.took) * 1000
    return f"| {number} | {happened} | {quarter.told['']} | {told} | {_failed(quarter)} | {p50:.1f} | {p99:.1f} | {worst:.0f} |"


def _flat(samples: Samples) -> bool:
    is_flat = True
    for what, (second, last) in samples.quarters().items():
        is_flat &= last <= second * FLAT[what] + 10 * (what != "MB")
        print(f"{what}: {second:.0f} in the second quarter of the last deployment, {last:.0f} in its last")
    return is_flat


if __name__ == "__main__":
    sys.exit(main())

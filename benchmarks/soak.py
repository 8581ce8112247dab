"""A steady load on a real `annex serve` on loopback, then three times what it can take.

    MINUTES=30 RATE=100 .venv/bin/python -m benchmarks.soak

Requests are sent on schedule whether earlier ones were answered or not (an open loop), so a service that
falls behind is seen in the latencies. Exits with 1 when memory, open files or connections are not flat, when
a request failed, or when the overload was answered by anything but 200 and 503.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
import psutil

from runtime.dev.postgres import EmbeddedPostgres
from runtime.dev.postgres.seed import DATABASE, ROLE, seed
from tests.fixtures.clerk import Issuer
from tests.fixtures.postgres import SEED, memory_folder
from tests.fixtures.production import SLOW, environment, functions_of, served
from tests.fixtures.service import Service

MINUTES = float(os.environ.get("MINUTES", "30"))
RATE = float(os.environ.get("RATE", "100"))  # requests a second
PATHS = ("/samples/NORTH", "/samples?limit=20", "/me")
CONCURRENCY = 50  # ANNEX_MAX_CONCURRENCY of the service under load
FLAT_MEMORY = 1.15  # the last quarter's mean over the second quarter's
WARM = min(10.0, MINUTES * 20)  # seconds before measuring


class Samples:
    """What the process took, sampled once a second."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self.memory: list[int] = []
        self.files: list[int] = []
        self.threads: list[int] = []

    async def run(self) -> None:
        """Sample until cancelled."""
        while True:
            with self._process.oneshot():
                self.memory.append(self._process.memory_info().rss)
                self.threads.append(self._process.num_threads())
            self.files.append(self._process.num_fds())
            await asyncio.sleep(1)


async def steady(service: Service, token: str, seconds: float, spent: list[float]) -> Counter[object]:
    """Send at RATE for so long; return the outcomes."""
    outcomes: Counter[object] = Counter()
    headers = {"Authorization": f"Bearer {token}"}
    limits = httpx.Limits(max_connections=64)
    async with (
        httpx.AsyncClient(base_url=service.url, headers=headers, limits=limits, timeout=30) as http,
        asyncio.TaskGroup() as group,
    ):

        async def one(path: str, due: float) -> None:
            try:
                answer = await http.get(path)
            except httpx.HTTPError as error:
                outcomes[type(error).__name__] += 1
                return
            outcomes[answer.status_code] += 1
            spent.append(time.perf_counter() - due)

        began = time.perf_counter()
        for number in range(int(seconds * RATE)):
            due = began + number / RATE
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            group.create_task(one(PATHS[number % len(PATHS)], due))
    return outcomes


async def overload(service: Service) -> tuple[Counter[int], float]:
    """Ask for three times as much as there is room for; return the answers, and the seconds to the next 200."""
    limits = httpx.Limits(max_connections=4 * CONCURRENCY)
    async with httpx.AsyncClient(base_url=service.url, limits=limits, timeout=30) as http:
        answers = await asyncio.gather(*(http.get("/slow") for _ in range(3 * CONCURRENCY)))
        began = time.perf_counter()
        while (await http.get("/slow", params={"seconds": 0})).status_code != 200:  # noqa: ASYNC110  # asked from outside
            await asyncio.sleep(0.01)
        return Counter(answer.status_code for answer in answers), time.perf_counter() - began


def quarter(values: list[int], which: int) -> float:
    """Return the mean of one quarter of the samples."""
    size = max(len(values) // 4, 1)
    return statistics.fmean(values[which * size : (which + 1) * size] or values[-1:])


async def main() -> int:
    """Run everything and print the figures."""
    issuer = Issuer()
    with tempfile.TemporaryDirectory(prefix="annex-soak-", dir=memory_folder()) as name:
        server = EmbeddedPostgres(Path(name) / "postgres")
        server.start()
        try:
            await seed(server.socket_url(), SEED)
            settings = environment(
                issuer,
                server.socket_url(DATABASE, ROLE),
                functions_of(Path(name), {"slow.py": SLOW}, "samples", "me.py"),
                ANNEX_MAX_CONCURRENCY=str(CONCURRENCY),
            )
            async with served(Path(name), settings) as service:
                return await measure(service, issuer.token(exp=int(time.time() + MINUTES * 60 + 600)))
        finally:
            server.stop()


async def measure(service: Service, token: str) -> int:
    """Load one service and judge it."""
    await steady(service, token, WARM, [])
    samples, spent = Samples(service.worker.pid), list[float]()
    sampling = asyncio.create_task(samples.run())
    outcomes = await steady(service, token, MINUTES * 60, spent)
    sampling.cancel()
    p50, p95, p99 = (statistics.quantiles(spent, n=100)[at] * 1000 for at in (49, 94, 98))
    print(f"{MINUTES:g} min at {RATE:g}/s: {dict(outcomes)}")
    print(f"p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms, worst {max(spent) * 1000:.0f} ms")
    growth = quarter(samples.memory, 3) / quarter(samples.memory, 1)
    print(f"memory {samples.memory[0] / 2**20:.0f} to {samples.memory[-1] / 2**20:.0f} MiB (x{growth:.3f})")
    print(f"open files {quarter(samples.files, 1):.1f} to {quarter(samples.files, 3):.1f}, ", end="")
    print(f"threads {quarter(samples.threads, 1):.1f} to {quarter(samples.threads, 3):.1f}")
    answers, recovered = await overload(service)
    print(f"overload of 3 x {CONCURRENCY}: {dict(answers)}, next 200 after {recovered * 1000:.0f} ms")
    files_flat = quarter(samples.files, 3) <= quarter(samples.files, 1) + 10
    good = set(outcomes) == {200} and growth < FLAT_MEMORY and files_flat
    return 0 if good and set(answers) == {200, 503} and recovered < 1 else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

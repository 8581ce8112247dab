"""One replica and two: requests a second, processor time a request, PostgreSQL connections, memory.

``python -m benchmarks.scale``. The load generator wants a core as well, and there are two. So one replica is
measured twice: with the load on the other core, and with everything (load, PostgreSQL, collector) on its own. The
latter is what each of two replicas has, and shows what a second core with a second replica brings.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import asyncpg
import psutil

from benchmarks.cases import CASES, Case
from benchmarks.collector import Collector, collecting
from benchmarks.load import Answers, load
from benchmarks.servers import OURS, Memory, Server, server
from benchmarks.surroundings import database, settings
from tests.fixtures.clerk import Issuer

MEASURED = [case for case in CASES if case.name in {"get", "database, by key"}]
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'annex'"


class Layout(NamedTuple):
    """What runs on which core: each replica, the load of each, and PostgreSQL with the collector."""

    name: str
    replicas: tuple[int, ...]
    loads: tuple[int, ...]
    rest: tuple[int, ...]


LAYOUTS = (
    Layout("one, load elsewhere", (0,), (1,), (1,)),
    Layout("one, everything on its core", (0,), (0,), (0,)),
    Layout("two, everything on their cores", (0, 1), (0, 1), (0, 1)),
)


class Scale(NamedTuple):
    """Of all replicas together; memory is a replica's.

    Attributes:
        spent: processor time a request, in µs.
        recorded: share of the requests whose server span arrived.
        connections: of PostgreSQL, at rest before the load, under it, and right after it.
    """

    speed: float
    spent: float
    p50: float
    p99: float
    recorded: float
    connections: tuple[int, int, int]
    start: Memory
    loaded: Memory


class Bench(NamedTuple):
    """What all measurements of a run have in common."""

    given: argparse.Namespace
    environment: dict[str, str]
    issuer: Issuer
    collector: Collector
    count: Callable[[], int]

    def measure(self, case: Case, layout: Layout) -> Scale:
        """Load the replicas of one layout, all at once."""
        confine(layout.rest)
        with self.replicas(layout) as replicas:
            start, at_rest = replicas[0].memory(), self.count()
            warmed, _ = self.load(case, layout, replicas, 1)
            before = sum(each.processor_seconds() for each in replicas)
            answers, under_load = self.load(case, layout, replicas, self.given.seconds)
            spent = sum(each.processor_seconds() for each in replicas) - before
            afterwards, loaded = self.count(), replicas[0].memory()
        total = sum(each.total for each in answers)
        asked = total + sum(each.total for each in warmed)
        return Scale(
            sum(each.speed for each in answers),
            spent / total * 1e6,
            statistics.mean(each.p50 for each in answers),
            max(each.p99 for each in answers),
            self.collector.take().requests / asked,
            (at_rest, under_load, afterwards),
            start,
            loaded,
        )

    @contextlib.contextmanager
    def replicas(self, layout: Layout) -> Iterator[list[Server]]:
        with contextlib.ExitStack() as stack:
            yield [
                stack.enter_context(server(OURS, self.environment, cores=[core])) for core in layout.replicas
            ]

    def load(
        self, case: Case, layout: Layout, replicas: list[Server], seconds: float
    ) -> tuple[list[Answers], int]:
        """Return what came back, and how many connections there were half-way."""
        token = self.issuer.token(exp=int(time.time()) + 3600)
        with ThreadPoolExecutor(len(replicas)) as pool:
            loads = [
                pool.submit(
                    load,
                    case,
                    each.port,
                    token,
                    seconds=seconds,
                    connections=self.given.connections,
                    cores=[core],
                )
                for each, core in zip(replicas, layout.loads, strict=True)
            ]
            time.sleep(seconds / 2)
            half_way = self.count()
            answers = [each.result() for each in loads]
        for each in answers:
            each.insist(case)
        return answers, half_way


def confine(cores: tuple[int, ...]) -> None:
    """Put this process and its children, PostgreSQL and the collector's threads among them, on `cores`."""
    here = psutil.Process()
    for process in (here, *here.children(recursive=True)):
        for thread in Path(f"/proc/{process.pid}/task").glob("*"):
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.sched_setaffinity(int(thread.name), cores)


def counting(url: str) -> Callable[[], int]:
    """Return what counts the replicas' connections."""

    async def count() -> int:
        connection = await asyncpg.connect(url)
        try:
            return int(await connection.fetchval(CONNECTIONS))
        finally:
            await connection.close()

    return lambda: asyncio.run(count())


def main() -> None:
    """Measure and print two tables."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=4, help="per measurement")
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--connections", type=int, default=16, help="to each replica")
    asked.add_argument("--only", default="", help="cases whose name contains this")
    given = asked.parse_args()
    cases = [case for case in MEASURED if given.only in case.name]
    issuer = Issuer()
    with collecting(0, 1) as collector, database() as (postgres, url):
        environment = settings(issuer, url, collector.endpoint)
        bench = Bench(given, environment, issuer, collector, counting(postgres.socket_url()))
        rounds = [
            {(case.name, layout.name): bench.measure(case, layout) for case in cases for layout in LAYOUTS}
            for _ in range(given.rounds)
        ]
    show(rounds)


def show(rounds: list[dict[tuple[str, str], Scale]]) -> None:
    """Print medians of the rounds; memory and connections as in the last."""
    print("| case | replicas | requests/s | µs a request | p50 ms | p99 ms | spans arrived |")
    print("|---|---|---|---|---|---|---|")
    for case, layout in rounds[0]:
        found = [each[case, layout] for each in rounds]
        speed, spent, p50, p99, recorded = (
            statistics.median(column) for column in zip(*(each[:5] for each in found), strict=True)
        )
        print(f"| {case} | {layout} | {speed:,.0f} | {spent:.0f} | {p50:.1f} | {p99:.1f} | {recorded:.0%} |")
    print(
        "\n| case | replicas | connections: start, load, after | MB at start, own (PSS) | MB after load, own (PSS) |"
    )
    print("|---|---|---|---|---|")
    for (case, layout), each in rounds[-1].items():
        memory = [f"{taken.resident:.0f}, {taken.shared:.0f}" for taken in (each.start, each.loaded)]
        print(f"| {case} | {layout} | {', '.join(map(str, each.connections))} | {' | '.join(memory)} |")


if __name__ == "__main__":
    main()

"""The slowest answers of a cheap GET while others keep a second function of the same process busy.

``python -m benchmarks.tails``. Server and load have a core each; sixteen callers ask for the cheap GET, two for the other.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.cases import CASES, Case
from benchmarks.collector import collecting
from benchmarks.load import load
from benchmarks.servers import HERE, OURS, prepare_peers, server
from benchmarks.surroundings import LOAD_CORE, SERVER_CORE, database, settings
from tests.fixtures.clerk import Issuer

SERVERS = (OURS, "fastapi_tails")
CHEAP = next(each for each in CASES if each.name == "get")
BESIDE = (
    None,
    Case("a `def` that computes", "/burn"),
    Case("lists of 100 rows", "/newest"),
    Case("300,000 objects and garbage", "/heap"),
)
FUNCTIONS = {
    "burn.py": '''"""Computes."""


def get() -> int:
    """Return a sum."""
    return sum(number * number % 7 for number in range(200_000))
''',
    "heap.py": '''"""Holds much, and makes cycles."""

from typing import Any

HELD = [{"number": number, "name": str(number)} for number in range(100_000)]


async def get() -> int:
    """Return how many there are."""
    made: list[Any] = []
    for number in range(2_000):
        one: list[Any] = [number]
        one.append(one)
        made.append(one)
    return len(HELD) + len(made)
''',
}


class Tail(NamedTuple):
    """Milliseconds of the cheap GET; requests a second of both."""

    p50: float
    p99: float
    speed: float
    beside: float


@contextmanager
def functions() -> Iterator[Path]:
    """The folder that ours serves."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "functions")
        shutil.copytree(HERE / "functions", folder)
        for path, text in FUNCTIONS.items():
            (folder / path).write_text(text, "utf-8")
        yield folder


def measure(
    name: str, beside: Case | None, served: Path, environment: dict[str, str], issuer: Issuer, seconds: float
) -> Tail:
    """Load one server that was just started, by both at once."""
    token = issuer.token(exp=int(time.time()) + 3600)
    with (
        server(name, environment, cores=[SERVER_CORE], functions=served) as running,
        ThreadPoolExecutor(1) as pool,
    ):
        load(CHEAP, running.port, token, seconds=1, connections=16, cores=[LOAD_CORE])
        other = pool.submit(
            load, beside, running.port, token, seconds=seconds + 1, connections=2, cores=[LOAD_CORE]
        ) if beside else None  # fmt: skip
        answers = load(CHEAP, running.port, token, seconds=seconds, connections=16, cores=[LOAD_CORE])
        neighbours = other.result() if other else None
    answers.insist(CHEAP)
    if beside and neighbours:
        neighbours.insist(beside)
    return Tail(answers.p50, answers.p99, answers.speed, neighbours.speed if neighbours else 0)


def main() -> None:
    """Measure in interleaved rounds and print a table of medians."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=5, help="per measurement")
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--servers", type=lambda text: text.split(","), default=list(SERVERS))
    given = asked.parse_args()
    if given.servers != [OURS]:
        prepare_peers()
    issuer = Issuer()
    taken: dict[tuple[str, str], list[Tail]] = {}
    with collecting(LOAD_CORE) as collector, database() as (_, url), functions() as served:
        environment = settings(issuer, url, collector.endpoint)
        for number in range(given.rounds):
            for beside in BESIDE:
                what = beside.name if beside else "nothing"
                print(f"round {number + 1}: {what}", file=sys.stderr)
                for name in given.servers:
                    tail = measure(name, beside, served, environment, issuer, given.seconds)
                    taken.setdefault((what, name), []).append(tail)
                    collector.take()
    print("| beside it | server | p50 ms | p99 ms | requests/s | of the other |\n|---|---|---|---|---|---|")
    for (what, name), rounds in taken.items():
        tail = Tail(*map(statistics.median, zip(*rounds, strict=True)))
        print(
            f"| {what} | {name} | {tail.p50:.1f} | {tail.p99:.1f} | {tail.speed:,.0f} | {tail.beside:,.0f} |"
        )


if __name__ == "__main__":
    main()

"""Ours and the peers as they are deployed: on all cores, one worker and two, beside one that is pinned to a core.

``python -m benchmarks.deployed``; `make bench` runs it too. The load generator runs on the same cores, so that what
two workers serve more than one is less than on a machine where the load has cores of its own.
"""

import argparse
import statistics
import sys
import time
from typing import NamedTuple

from benchmarks.cases import CASES, Case
from benchmarks.collector import collecting
from benchmarks.load import load
from benchmarks.servers import GRANIAN_PEER, OURS, prepare_peers, server
from benchmarks.surroundings import LOAD_CORE, SERVER_CORE, database, settings
from tests.fixtures.clerk import Issuer

SERVERS = (OURS, "fastapi_bare", "fastapi_stack", GRANIAN_PEER)
CORES = (SERVER_CORE, LOAD_CORE)


class Way(NamedTuple):
    """How a server runs, and how many connections ask it."""

    name: str
    workers: int
    cores: tuple[int, ...]
    load: tuple[int, ...]
    connections: int


WAYS = (
    Way("one, pinned, 64 connections", 1, (SERVER_CORE,), (LOAD_CORE,), 64),
    Way("one, 64 connections", 1, CORES, CORES, 64),
    Way("two, 64 connections", 2, CORES, CORES, 64),
    Way("two, 1,024 connections", 2, CORES, CORES, 1024),
)


class Measured(NamedTuple):
    """Requests a second, µs of processor time a request, milliseconds, MB of all processes (PSS)."""

    speed: float
    spent: float
    p99: float
    memory: float


def measure(
    case: Case, name: str, way: Way, environment: dict[str, str], issuer: Issuer, seconds: float
) -> Measured:
    """Load one server that was just started."""
    token = issuer.token(exp=int(time.time()) + 3600)
    with server(name, environment, cores=way.cores, workers=way.workers) as running:
        load(case, running.port, token, seconds=1, connections=way.connections, cores=way.load)
        before = running.processor_seconds()
        answers = load(
            case, running.port, token, seconds=seconds, connections=way.connections, cores=way.load
        )
        spent = (running.processor_seconds() - before) / answers.total * 1e6
        memory = running.memory().shared
    answers.insist(case)
    return Measured(answers.speed, spent, answers.p99, memory)


def show(found: dict[tuple[str, str], Measured]) -> None:
    """Print the figures, and what a worker and a core more cost."""
    print(
        "| way | server | requests/s | µs a request | p99 ms | MB, all processes |\n|---|---|---|---|---|---|"
    )
    for (way, name), each in found.items():
        print(
            f"| {way} | {name} | {each.speed:,.0f} | {each.spent:.0f} | {each.p99:.0f} | {each.memory:.0f} |"
        )
    pinned, loose, two, _ = (way.name for way in WAYS)
    print(
        "\n| server | not pinned, of pinned | two workers, of one | requests/s of two, of one |\n|---|---|---|---|"
    )
    for name in dict.fromkeys(name for _, name in found):
        costs = (
            found[loose, name].spent / found[pinned, name].spent,
            found[two, name].spent / found[loose, name].spent,
        )
        more = found[two, name].speed / found[loose, name].speed
        print(f"| {name} | {costs[0]:.2f} x | {costs[1]:.2f} x | {more:.2f} x |")


def main() -> None:
    """Measure in interleaved rounds and print two tables of medians."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=4, help="per measurement")
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--servers", type=lambda text: text.split(","), default=list(SERVERS))
    given = asked.parse_args()
    if given.servers != [OURS]:
        prepare_peers()
    case = next(each for each in CASES if each.name == "get")
    issuer = Issuer()
    taken: dict[tuple[str, str], list[Measured]] = {}
    with collecting(*CORES) as collector, database() as (_, url):
        environment = settings(issuer, url, collector.endpoint)
        for number in range(given.rounds):
            for way in WAYS:
                print(f"round {number + 1}: {way.name}", file=sys.stderr)
                for name in given.servers:
                    figures = measure(case, name, way, environment, issuer, given.seconds)
                    taken.setdefault((way.name, name), []).append(figures)
                    collector.take()
    show({key: Measured(*map(statistics.median, zip(*each, strict=True))) for key, each in taken.items()})


if __name__ == "__main__":
    main()

"""Ours and the peers in one run, interleaved, server and load on separate cores; ratios, not bare numbers.

``make bench`` runs it. It needs `wrk` (Debian's package) and two cores. The peers get an environment of their own.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.cases import CASES, Case
from benchmarks.collector import Collector, collecting
from benchmarks.load import Answers, load
from benchmarks.plot import svg
from benchmarks.report import STACK, Figures, report
from benchmarks.servers import OURS, PEERS, prepare_peers, server, versions
from benchmarks.surroundings import database, settings
from tests.fixtures.clerk import Issuer

SERVER_CORE, LOAD_CORE = 0, 1
LAST_BATCH = 2.5  # seconds; uvicorn ends by the signal itself, and so without the SDK's last batch


class Bench(NamedTuple):
    """What all measurements of a run have in common."""

    given: argparse.Namespace
    environment: dict[str, str]
    issuer: Issuer
    collector: Collector

    def warm(self, names: list[str]) -> None:
        """Start each server once: the first start of an environment also compiles it, which no later one does."""
        for name in names:
            with server(name, self.environment, core=SERVER_CORE):
                pass
        self.collector.take()

    def compare(self, case: Case, names: list[str]) -> dict[str, Figures]:
        """Return each server's figures, medians of the rounds, which are interleaved."""
        rounds = [[self.measure(case, name) for name in names] for _ in range(self.given.rounds)]
        return {
            name: Figures(*map(statistics.median, zip(*each, strict=True)))
            for name, each in zip(names, zip(*rounds, strict=True), strict=True)
        }

    def measure(self, case: Case, name: str) -> Figures:
        """Load one server that was just started."""
        token = self.issuer.token(exp=int(time.time()) + 3600)
        with server(name, self.environment, core=SERVER_CORE, more=case.functions) as running:
            warmed = self.load(case, running.port, token, 1)
            before = running.processor_seconds()
            answers = self.load(case, running.port, token, self.given.seconds)
            spent = (running.processor_seconds() - before) / answers.total * 1e6
            memory = running.memory()
            time.sleep(LAST_BATCH if name == STACK else 0)
        arrived = self.collector.take()
        asked = warmed.total + answers.total
        return Figures(
            answers.speed, spent, memory.resident, memory.shared,
            running.start_cpu, running.start_wall, running.start_memory.resident,
            arrived.spans / asked, arrived.requests / asked,
        )  # fmt: skip

    def load(self, case: Case, port: int, token: str, seconds: float) -> Answers:
        """Send the case's request for so long; ends the program when another answer came than expected."""
        answers = load(case, port, token, seconds=seconds, connections=self.given.connections, core=LOAD_CORE)
        answers.insist(case)
        return answers


def main() -> None:
    """Measure, print the report, write the plot."""
    given = options()
    if not shutil.which("wrk"):
        sys.exit("make bench needs wrk: apt-get install wrk")
    if given.peers != [""]:
        prepare_peers()
        print(f"peers on {versions(PEERS / 'bin/python')}")
    print(f"ours on {versions(sys.executable)}")
    issuer = Issuer()
    results = {}
    with collecting(LOAD_CORE) as collector, database() as (_, url):
        bench = Bench(given, settings(issuer, url, collector.endpoint), issuer, collector)
        for case in (case for case in CASES if given.only in case.name):
            peers = [name for name in case.peers if given.peers is None or name in given.peers]
            if not results:
                bench.warm([OURS, *peers])
            print(f"measuring {case.name}", file=sys.stderr)
            results[case.name] = bench.compare(case, [OURS, *peers])
    print(report(results))
    kept = {case: {name: each._asdict() for name, each in row.items()} for case, row in results.items()}
    Path(tempfile.gettempdir(), "annex-bench.json").write_text(json.dumps(kept, indent=2), "utf-8")
    given.plot.write_text(svg(results), "utf-8")
    print(f"\nplot: {given.plot}")


def options() -> argparse.Namespace:
    """Read the command line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=4, help="per measurement")
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--connections", type=int, default=16)
    asked.add_argument("--only", default="", help="cases whose name contains this")
    asked.add_argument("--peers", type=lambda names: names.split(","), help="only these; empty for none")
    asked.add_argument("--plot", type=Path, default=Path(tempfile.gettempdir(), "annex-bench.svg"))
    return asked.parse_args()


if __name__ == "__main__":
    main()

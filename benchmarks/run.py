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
from benchmarks.database import beside_the_driver
from benchmarks.load import Answers, load
from benchmarks.plot import svg
from benchmarks.report import TRACED, Figures, Results, report
from benchmarks.servers import OURS, PEERS, prepare_peers, server, versions
from benchmarks.surroundings import LOAD_CORE, SERVER_CORE, database, settings
from tests.fixtures.clerk import Issuer

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
            with server(name, self.environment, cores=[SERVER_CORE]):
                pass
        self.collector.take()

    def compare(self, cases: list[Case]) -> Results:
        """Return each server's figures in each case, medians of the rounds.

        A round is all cases and all servers: goals compare both, and what the machine does meanwhile changes.
        """
        taken: dict[str, dict[str, list[Figures]]] = {}
        for number in range(self.given.rounds):
            for case in cases:
                print(f"round {number + 1}: {case.name}", file=sys.stderr)
                for name in self.names(case):
                    figures = self.measure(case, name)
                    taken.setdefault(case.name, {}).setdefault(name, []).append(figures)
        return {
            case: {
                name: Figures(*map(statistics.median, zip(*each, strict=True))) for name, each in row.items()
            }
            for case, row in taken.items()
        }

    def names(self, case: Case) -> list[str]:
        """Return who takes part: ours, and those of the case's peers that were asked for."""
        wanted = self.given.peers
        return [OURS, *(name for name in case.peers if wanted is None or name in wanted)]

    def measure(self, case: Case, name: str) -> Figures:
        """Load one server that was just started."""
        token = self.issuer.token(exp=int(time.time()) + 3600)
        with server(name, self.environment, cores=[SERVER_CORE], more=case.functions) as running:
            warmed = self.load(case, running.port, token, 1)
            before = running.processor_seconds()
            answers = self.load(case, running.port, token, self.given.seconds)
            spent = (running.processor_seconds() - before) / answers.total * 1e6
            memory = running.memory()
            time.sleep(LAST_BATCH if name in TRACED[1:] else 0)
        arrived = self.collector.take()
        asked = warmed.total + answers.total
        return Figures(
            answers.speed, spent, memory.resident, memory.shared,
            running.start_cpu, running.start_wall, running.start_memory.resident,
            arrived.spans / asked, arrived.requests / asked,
        )  # fmt: skip

    def load(self, case: Case, port: int, token: str, seconds: float) -> Answers:
        """Send the case's request for so long; ends the program when another answer came than expected."""
        answers = load(
            case, port, token, seconds=seconds, connections=self.given.connections, cores=[LOAD_CORE]
        )
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
    cases = [case for case in CASES if any(part in case.name for part in given.only)]
    with collecting(LOAD_CORE) as collector, database() as (_, url):
        bench = Bench(given, settings(issuer, url, collector.endpoint), issuer, collector)
        bench.warm(bench.names(cases[0]))
        results = bench.compare(cases)
    print(report(results, beside_the_driver()))
    kept = {case: {name: each._asdict() for name, each in row.items()} for case, row in results.items()}
    Path(tempfile.gettempdir(), "annex-bench.json").write_text(json.dumps(kept, indent=2), "utf-8")
    given.plot.write_text(svg(results), "utf-8")
    print(f"\nplot: {given.plot}")


def options() -> argparse.Namespace:
    """Read the command line; names are separated by commas."""

    def names(text: str) -> list[str]:
        return text.split(",")

    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=4, help="per measurement")
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--connections", type=int, default=16)
    asked.add_argument("--only", type=names, default=[""], help="cases whose name contains one of these")
    asked.add_argument("--peers", type=names, help="only these; empty for none")
    asked.add_argument("--plot", type=Path, default=Path(tempfile.gettempdir(), "annex-bench.svg"))
    return asked.parse_args()


if __name__ == "__main__":
    main()

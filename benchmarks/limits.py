"""More and more connections on one process: what breaks first, for three kinds of load.

``python -m benchmarks.limits`` prints a table each. The loop is closed: a connection sends its next request when it
has its answer, so that what cannot be served in time shows as latency, and what is refused as an answer of its own.
"""

import argparse
import time

from benchmarks.cases import CASES, Case
from benchmarks.collector import Arrived, Collector, Histogram, collecting
from benchmarks.load import Answers, load
from benchmarks.servers import OURS, server
from benchmarks.surroundings import LOAD_CORE, SERVER_CORE, database, settings
from tests.fixtures.clerk import Issuer

LOADS = (
    *(case for case in CASES if case.name in {"get", "database, by key"}),
    Case("a function that waits 50 ms", "/waiting"),
)
WAIT, LAG = "db.client.connection.wait_time", "annex.event_loop.lag"
HEAD = "| connections | 200/s | p50 ms | p99 ms | µs each | other answers | errors | spans lost | waits for a connection | loop's lag ms | MB |"


def main() -> None:
    """Measure each load at each number of connections."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=4, help="per measurement")
    asked.add_argument("--connections", default="16,64,256,1024,2200")
    asked.add_argument("--only", default="", help="loads whose name contains this")
    given = asked.parse_args()
    issuer = Issuer()
    with collecting(LOAD_CORE) as collector, database() as (_, url):
        environment = settings(issuer, url, collector.endpoint)
        for case in (case for case in LOADS if given.only in case.name):
            print(f"\n{case.name}\n\n{HEAD}\n{'|---' * HEAD.count(' |')}|")
            for connections in map(int, given.connections.split(",")):
                token = issuer.token(exp=int(time.time()) + 3600)
                print(measure(case, environment, token, collector, given.seconds, connections), flush=True)


def measure(
    case: Case,
    environment: dict[str, str],
    token: str,
    collector: Collector,
    seconds: float,
    connections: int,
) -> str:
    """Return the line of one number of connections."""
    with server(OURS, environment, cores=[SERVER_CORE]) as running:

        def send(seconds: float) -> Answers:
            return load(
                case, running.port, token, seconds=seconds, connections=connections, cores=[LOAD_CORE]
            )

        warmed = send(1)
        before = running.processor_seconds()
        answers = send(seconds)
        spent = (running.processor_seconds() - before) / max(answers.total, 1) * 1e6
        memory = running.memory().resident
    return line(connections, answers, spent, memory, collector.take(), admitted(warmed) + admitted(answers))


def admitted(answers: Answers) -> int:
    """Return how many were let in: what the shell refuses at its bound leaves no span, and is not meant to."""
    return answers.total - answers.answers.get("503 overloaded", 0)


def line(
    connections: int, answers: Answers, spent: float, memory: float, arrived: Arrived, asked: int
) -> str:
    good = answers.answers.get("200", 0)
    others = ", ".join(
        f"{count / answers.total:.1%} {answer}"
        for answer, count in answers.answers.items()
        if answer != "200"
    )
    wait, lag = (arrived.histograms.get(name, Histogram()) for name in (WAIT, LAG))
    waits = f"{wait.count:,}, worst {wait.worst * 1000:.0f} ms" if wait.count else "none"
    cells = [
        f"{connections:,}",
        f"{answers.speed * good / max(answers.total, 1):,.0f}",
        f"{answers.p50:.1f}",
        f"{answers.p99:.1f}",
        f"{spent:.0f}",
        others or "none",
        str(answers.errors),
        f"{max(1 - arrived.requests / max(asked, 1), 0):.1%}",
        waits,
        f"{lag.worst * 1000:.0f}",
        f"{memory:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()

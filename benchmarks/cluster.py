"""Past one machine: a whole service on eleven of them, each part killed in turn under load.

    sudo .venv/bin/python -m benchmarks.cluster [--minutes 20] [--rate 20]

Two web replicas with two workers each behind HAProxy, three job workers, PgBouncer, PostgreSQL, a Valkey with a
replica that takes over, a collector: each in a network namespace of its own. Callers read, query and queue work on
schedule, whether earlier calls were answered or not. Printed: what was answered, what was told instead, for how
long; whether acknowledged work was lost or done twice. Configuration and logs stay in a folder that is named at the
end; no process and no namespace does, not even of an earlier run that was killed.
"""

import argparse
import asyncio
import contextlib
import signal
import statistics
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx

from benchmarks.network import NoNetwork, network
from benchmarks.parts import FOLDER, PARTS, PORTS, QUEUES, WEB, WORK, Cluster, program
from runtime.dev.postgres import EmbeddedPostgres
from runtime.dev.postgres.seed import seed
from tests.fixtures.clerk import Issuer
from tests.fixtures.postgres import SEED, memory_folder
from tests.fixtures.service import until

KILLED = ("", "web1", "work1", "pooler", "database", "queue1", "collector", "front")
AWAY = 5.0  # seconds for which a part that was killed is away
PATHS = {"GET": "/items/7", "query": "/latest/NORTH", "queue": "/note"}


class Call(NamedTuple):
    """One call: when it was sent, how long it took, and what was told instead of the answer ("" for nothing)."""

    kind: str
    sent: float
    took: float
    told: str


class Phase(NamedTuple):
    """A part of the run, in which one machine was killed, or none."""

    killed: str
    began: float
    ended: float


class Load:
    """The callers.

    Attributes:
        acknowledged: the notes that were queued, and when that was told.
        refused: those of which something else was told.
    """

    def __init__(self, url: str, token: str, rate: float) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        self._rate = rate
        self.calls: list[Call] = []
        self.acknowledged: dict[str, float] = {}
        self.refused: set[str] = set()

    async def run(self, over: asyncio.Event) -> None:
        """Call until `over`, and wait for what was sent."""
        limits = httpx.Limits(max_connections=200)
        async with (
            httpx.AsyncClient(base_url=self._url, headers=self._headers, limits=limits, timeout=30) as http,
            asyncio.TaskGroup() as calls,
        ):
            began, number = time.monotonic(), 0
            while not over.is_set():
                calls.create_task(self._call(http, tuple(PATHS)[number % len(PATHS)]))
                number += 1
                await asyncio.sleep(max(began + number / self._rate - time.monotonic(), 0))

    async def _call(self, http: httpx.AsyncClient, kind: str) -> None:
        sent, note = time.monotonic(), uuid.uuid4().hex
        try:
            if kind == "queue":
                told = _told(await http.post(PATHS[kind], json=note))
            else:
                told = _told(await http.get(PATHS[kind]))
        except httpx.HTTPError as error:
            told = type(error).__name__
        if kind == "queue" and told:
            self.refused.add(note)
        elif kind == "queue":
            self.acknowledged[note] = time.time()
        self.calls.append(Call(kind, sent, time.monotonic() - sent, told))


async def run(cluster: Cluster, load: Load, minutes: float) -> list[Phase]:
    """Kill one part after the other under load, and bring each back."""
    seconds, phases, over = minutes * 60 / len(KILLED), [], asyncio.Event()
    calling = asyncio.create_task(load.run(over))
    for name in KILLED:
        began = time.monotonic()
        await asyncio.sleep(seconds / 10)
        if name:
            await asyncio.to_thread(cluster.kill, name)
            await asyncio.sleep(AWAY)
            await asyncio.to_thread(cluster.start, name)
        await asyncio.sleep(max(began + seconds - time.monotonic(), 0))
        phases.append(Phase(name, began, time.monotonic()))
        print(f"{name or 'nothing'} was killed: {len(load.calls)} calls so far", file=sys.stderr)
    over.set()
    await calling
    return phases


def judge(load: Load) -> int:
    """Print what became of the queued work; return 1 where some was lost or done twice."""
    with contextlib.suppress(AssertionError):
        until(lambda: load.acknowledged.keys() <= _notes().keys(), seconds=60)
    notes = _notes()
    lost = load.acknowledged.keys() - notes.keys()
    twice = [note for note, times in notes.items() if len(times) > 1]
    waits = [max(notes[note][0] - at, 0) for note, at in load.acknowledged.items() if note in notes]
    print(f"\nacknowledged jobs: {len(load.acknowledged)}, lost {len(lost)}, done twice {len(twice)}")
    print(
        f"seconds from the answer to the job: median {statistics.median(waits):.2f}, worst {max(waits):.1f}"
    )
    print(
        f"jobs of which something else was told: {len(load.refused)}, done {len(load.refused & notes.keys())}"
    )
    return 1 if lost or twice else 0


def main() -> int:
    """Build it, run it, and print the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument(
        "--minutes", type=float, default=20, help=f"of the run, {len(KILLED)} phases of equal length"
    )
    asked.add_argument("--rate", type=float, default=20, help="calls a second")
    given = asked.parse_args()
    if given.minutes * 60 / len(KILLED) < 3 * AWAY:
        asked.error(
            f"--minutes: at least {3 * AWAY * len(KILLED) / 60:g}, so that what was killed can come back"
        )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with _running() as (cluster, token):
            load = Load(cluster.url, token, given.rate)
            phases = asyncio.run(run(cluster, load, given.minutes))
            print("| killed | as asked | told instead | worst answer, s | first failure to last, s |")
            print("|---|---|---|---|---|")
            print("\n".join(_row(phase, load) for phase in phases))
            status = judge(load)
            for name in (*WEB, *WORK):
                print(f"{name}: {cluster.memory(name):.0f} MB", end=", ")
            cluster.stop()
            time.sleep(2)  # the collector says what it has once a second
            spans = sum(map(int, (FOLDER / "collector.log").read_text().split()))
            print(f"spans that arrived: {spans} of {len(load.calls)} calls and their jobs")
            return status
    except NoNetwork as error:
        print(f"benchmarks.cluster: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("benchmarks.cluster: stopped; everything that it started has ended", file=sys.stderr)
        return 130
    finally:
        print(f"configuration and logs: {FOLDER}", file=sys.stderr)


@contextlib.contextmanager
def _running() -> Iterator[tuple[Cluster, str]]:
    """Run every part for the block; give the cluster, and a session's token."""
    for name in ("haproxy", "pgbouncer"):
        program(name)
    issuer = Issuer()
    with (
        network(*PARTS) as machines,
        tempfile.TemporaryDirectory(dir=memory_folder(), prefix="annex-cluster-") as data,
    ):
        listens = {"listen_addresses": machines["database"].address, "hba_file": str(FOLDER / "pg_hba.conf")}
        postgres = EmbeddedPostgres(
            Path(data), port=PORTS["database"], settings={**listens, "dynamic_shared_memory_type": "mmap"}
        )
        cluster = Cluster(machines, postgres, issuer)
        try:
            cluster.start("database")
            asyncio.run(seed(postgres.socket_url(), SEED))
            for name in (*QUEUES, "collector", "pooler", "front", *WEB, *WORK):
                cluster.start(name)
            for name in WEB:
                until(lambda at=machines[name].address: _is_ready(at))
            yield cluster, issuer.token(exp=int(time.time()) + 86_400)
        finally:
            postgres.stop()


def _is_ready(address: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"http://{address}:8000/health/ready", timeout=2).status_code == 200
    return False


def _told(answer: httpx.Response) -> str:
    """Return "" for the answer that was asked for, else its status and code, and whether it says when to come again."""
    if answer.is_success:
        return ""
    is_ours = answer.headers.get("content-type", "").startswith("application/problem+json")
    code = answer.json()["code"] if is_ours else "from HAProxy"
    return f"{answer.status_code} {code}{'' if 'retry-after' in answer.headers else ', no Retry-After'}"


def _row(phase: Phase, load: Load) -> str:
    calls = [call for call in load.calls if phase.began <= call.sent < phase.ended]
    failed = sorted(call.sent for call in calls if call.told)
    told = Counter(f"{call.kind}: {call.told}" for call in calls if call.told)
    instead = "; ".join(f"{count} x {what}" for what, count in told.most_common())
    worst = max((call.took for call in calls), default=0.0)
    lasted = failed[-1] - failed[0] if failed else 0.0
    answered = f"{len(calls) - len(failed)} of {len(calls)}"
    return f"| {phase.killed or 'nothing'} | {answered} | {instead} | {worst:.1f} | {lasted:.1f} |"


def _notes() -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for line in (FOLDER / "functions" / "notes").read_text().splitlines():
        note, _, at = line.partition(" ")
        found.setdefault(note, []).append(float(at))
    return found


if __name__ == "__main__":
    sys.exit(main())

"""What `benchmarks.soak` does to a service under load, and what the service takes meanwhile."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import httpx
import psutil

from benchmarks.collector import Collector
from benchmarks.openloop import Client
from runtime.dev.postgres import EmbeddedPostgres
from tests.fixtures.clerk import Issuer, JwksServer
from tests.fixtures.service import Service, until

QUARTERS = 4
WORKERS = 2
SLOWNESS = 10.0  # seconds that the slow collector takes
FLAT = {"MB": 1.15, "open files": 1.1, "threads": 1.1, "tasks": 1.5}  # last quarter over second quarter


class Event(NamedTuple):
    """What happens, and at which share of the run."""

    at: float
    name: str
    happen: Callable[[], Awaitable[None]]


class Samples:
    """What the workers of one deployment took, sampled once a second."""

    def __init__(self) -> None:
        self.of: dict[str, list[float]] = {what: [] for what in FLAT}

    async def run(self, service: Service, collector: Collector) -> None:
        """Sample until cancelled."""
        async with httpx.AsyncClient(base_url=service.url, timeout=30) as http:
            while True:
                collector.bodies.clear()
                with contextlib.suppress(psutil.NoSuchProcess, httpx.HTTPError, KeyError, ValueError):
                    tasks = float((await http.get("/tasks")).text)
                    self._add(psutil.Process(service.process.pid).children(), tasks)
                await asyncio.sleep(1)

    def _add(self, workers: list[psutil.Process], tasks: float) -> None:
        found = (
            sum(each.memory_info().rss for each in workers) / 2**20,
            sum(each.num_fds() for each in workers),
            sum(each.num_threads() for each in workers),
            tasks,
        )
        for what, value in zip(self.of, found, strict=True):
            self.of[what].append(value)

    def quarters(self) -> dict[str, tuple[float, float]]:
        """Return the means of the second quarter and of the last."""
        return {what: (_mean(values, 1), _mean(values, 3)) for what, values in self.of.items()}


class Stage:
    """The service under load, and what surrounds it.

    Attributes:
        samples: of the deployment that runs now.
    """

    def __init__(
        self,
        start: Callable[[], Service],
        issuer: Issuer,
        jwks: JwksServer,
        postgres: EmbeddedPostgres,
        collector: Collector,
    ) -> None:
        self._start = start
        self._issuer, self._jwks, self._postgres, self._collector = issuer, jwks, postgres, collector

    async def begin(self) -> None:
        """Start the service, and the callers."""
        self.service = await asyncio.to_thread(self._ready)
        self.client = Client(self.service.port, _token(self._issuer))
        self.sample()

    def sample(self) -> None:
        """Begin to sample the service that runs now."""
        self.samples = Samples()
        self.sampling = asyncio.create_task(self.samples.run(self.service, self._collector))

    async def deploy(self) -> None:
        """Start a new deployment, send new connections there, and stop the old one."""
        new = await asyncio.to_thread(self._ready)
        old, self.service, self.client.port = self.service, new, new.port
        self.sampling.cancel()
        self.sample()
        await asyncio.to_thread(old.stop)

    async def rotate(self) -> None:
        """Sign with a new key; the key server has both, and after a while the new one alone."""
        old, self._issuer = self._issuer, self._issuer.rotated(kid=f"ins_{time.time_ns()}")
        self._jwks.serve(old, self._issuer)
        self.client.token = _token(self._issuer)
        await asyncio.sleep(5)
        self._jwks.serve(self._issuer)

    async def restart_database(self) -> None:
        """Stop it as an upgrade would, and start it again."""
        await asyncio.to_thread(self._postgres.stop)
        await asyncio.to_thread(self._postgres.start)

    async def slow(self) -> None:
        """Let the collector take its time from now on."""
        self._collector.delay = SLOWNESS

    async def quick(self) -> None:
        """Let it answer at once again."""
        self._collector.delay = 0

    def events(self) -> list[Event]:
        """Return what happens; after the last deploy the deployment lives for more than half of the run."""
        return [
            Event(0.08, "deploy", self.deploy),
            Event(0.16, "key rotation", self.rotate),
            Event(0.24, "deploy", self.deploy),
            Event(0.32, "database restart", self.restart_database),
            Event(0.40, "deploy", self.deploy),
            Event(0.55, "collector slow", self.slow),
            Event(0.62, "key rotation", self.rotate),
            Event(0.70, "collector quick", self.quick),
            Event(0.80, "database restart", self.restart_database),
        ]

    def _ready(self) -> Service:
        service = self._start()
        until(lambda: httpx.get(f"{service.url}/health/ready", timeout=10).status_code == 200)
        until(lambda: service.log.count(" stands by") > WORKERS)  # the spare too, whose memory counts
        return service


async def happenings(events: list[Event], seconds: float) -> dict[str, list[str]]:
    """Let everything happen at its time; return what happened in which quarter."""
    began, happened = time.monotonic(), {str(number): list[str]() for number in range(QUARTERS)}
    for event in events:
        await asyncio.sleep(max(began + event.at * seconds - time.monotonic(), 0))
        happened[str(int(event.at * QUARTERS))].append(event.name)
        await event.happen()
    return happened


def _token(issuer: Issuer) -> str:
    return issuer.token(exp=int(time.time()) + 86_400)


def _mean(values: list[float], quarter: int) -> float:
    size = max(len(values) // 4, 1)
    return statistics.fmean(values[quarter * size : (quarter + 1) * size] or values[-1:])

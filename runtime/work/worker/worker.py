"""A worker: takes runs from the queue, does so many at once, and writes what came of each.

Its lease is kept from outside (`runtime.work.worker.keeper`), so that a job that holds the loop or the
interpreter loses nothing. What is still running when it ends is handed back by whoever saw it end.
"""

import asyncio
import logging
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from runtime.asgi.invocation import Invocation
from runtime.gate.leftovers import Reaper
from runtime.http.errors import note
from runtime.routing.table import Route
from runtime.settings import Settings
from runtime.telemetry import Telemetry
from runtime.work.catalogue import Catalogue, call_name
from runtime.work.desk import WorkDesk
from runtime.work.queue.queue import Queue, Taken
from runtime.work.worker.book import Book, persistent
from runtime.work.worker.call import call, invocation_of
from runtime.work.worker.figures import Figures
from runtime.work.worker.held import HeldWork
from runtime.work.worker.schedules import Schedules
from shared.database import Database
from shared.errors import Unavailable
from shared.work import RunError

logger = logging.getLogger(__name__)

TICK = 0.5  # seconds between two looks at what falls due
NAP = 2.0  # seconds that an idle worker waits for the bell
MOST_BACKOFF = 3600.0
_PROPAGATOR = TraceContextTextMapPropagator()


class Worker:
    """Does queued work in this process until `stop`.

    Args:
        name: under which its lease is kept.
        queue: where work waits.
        desk: knows the jobs that are served now.
        settings: how many at once, and when to try again.
        reaper: ends what jobs leave behind.
        app: the Litestar application, whose state holds what functions ask for.
        database: knows what became of transactions in which work was queued.
        telemetry: for spans and figures.
    """

    def __init__(  # noqa: PLR0913  # the parts, all by name
        self,
        name: str,
        *,
        queue: Queue,
        desk: WorkDesk,
        settings: Settings,
        reaper: Reaper,
        app: Any,
        database: Database,
        telemetry: Telemetry,
    ) -> None:
        self.name = name
        self._queue = queue
        self._desk = desk
        self._settings = settings.work
        self._reaper = reaper
        self._app = app
        self._tracer = telemetry.tracer
        self._figures = Figures(telemetry.meter_provider.get_meter("annex"), queue.broker)
        self._schedules = Schedules(queue, desk)
        self._held = HeldWork(queue, database)
        self._running: dict[str, tuple[str, asyncio.Task[None]]] = {}
        self._unknown: frozenset[str] = frozenset()  # held in the queue, but not running here
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Take nothing more."""
        self._stopping.set()
        self._changed.set()

    async def run(self, *, drain: float) -> None:
        """Work until `stop`, then let what runs finish for `drain` seconds."""
        ticking = asyncio.create_task(self._tick())
        taking = asyncio.create_task(self._take())
        await self._stopping.wait()
        taking.cancel()
        tasks = [task for _, task in self._running.values()]
        if tasks:
            logger.info("stopping: %d jobs are running", len(tasks))
            _, slow = await asyncio.wait(tasks, timeout=drain)
            for task in slow:
                task.cancel()
            await asyncio.gather(*slow, return_exceptions=True)
        ticking.cancel()
        await asyncio.gather(ticking, taking, return_exceptions=True)

    async def _take(self) -> None:
        wait = 0.1
        while True:
            self._changed.clear()
            catalogue = self._desk.catalogue
            jobs, room = catalogue.by_template.keys(), self._room(catalogue)
            try:
                await self._hand_back()
                if not room:
                    await self._pause(NAP)
                    continue
                delivery = await self._queue.take(self.name, room)
                wait = 0.1
                for each in delivery.taken:
                    self._begin(each)
                if not delivery.has_lease:
                    await self._pause(TICK)
                elif not delivery.taken and jobs and jobs.isdisjoint(room):
                    await self._pause(NAP)  # until a job has ended: the bell may ring for what has no place
                elif not delivery.taken:
                    await self._queue.wait(delivery.bell, NAP)
            except Unavailable:
                logger.warning("the queue does not respond; trying again")
                await asyncio.sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311  # no secret
                wait = min(5.0, 2 * wait)

    async def _hand_back(self) -> None:
        """Hand back what was delivered while the connection was cut; no delivery is under way now."""
        unknown, self._unknown = self._unknown, frozenset()
        for run_id in unknown - self._running.keys():
            await self._queue.hand_back(self.name, run_id)

    def _room(self, catalogue: Catalogue) -> dict[str, int]:
        """Return how many runs may be taken: of each job, and of each call that is to be made again.

        Each kind has places of its own: a call seldom waits, and no job waits for that.
        """
        jobs = [each for each in catalogue.table.jobs if each.operation is not None]
        calls = [each.route for each in catalogue.calls.values()]
        return {
            **self._shares({each.endpoint.template: each for each in jobs}),
            **self._shares({call_name(each.endpoint): each for each in calls}),
        }

    def _shares(self, routes: Mapping[str, Route]) -> dict[str, int]:
        """Return how many runs of each of these may be taken, one of them first in every turn."""
        busy = [job for job, _ in self._running.values() if job in routes]
        free = self._settings.at_once - len(busy)
        room: dict[str, int] = {}
        for name, route in random.sample([*routes.items()], len(routes)):
            limit = route.endpoint.policy.concurrency or self._settings.at_once
            share = min(free, limit - busy.count(name))
            if share > 0:
                room[name] = max(1, share // len(routes))
                free -= room[name]
        return room

    def _begin(self, run: Taken) -> None:
        job = run.fields["job"].decode()
        task = asyncio.create_task(self._do(run))
        self._running[run.id] = (job, task)

        def over(_: object) -> None:
            if self._running[run.id][1] is task:  # a run that has slept may have come back
                del self._running[run.id]
            self._changed.set()

        task.add_done_callback(over)

    async def _do(self, run: Taken) -> None:
        """Do one try and write what came of it, for as long as the queue takes."""
        book = Book(self._queue, self._desk.seal, self.name, run)
        invocation = invocation_of(run)
        job = run.fields["job"].decode()
        with self._traced(run, job) as span, self._figures.timed(job) as outcome:
            try:
                found = self._desk.catalogue.queued(job, run.fields["path"].decode())
                opened = run._replace(fields=self._desk.seal.opened(run.id, run.fields))
                result = await call(found, opened, invocation, self._app, self._reaper, book)
            except asyncio.CancelledError:
                if self._stopping.is_set():
                    raise
                outcome.name = await self._fail(run, RunError("cancelled", "The run was cancelled."))
            except Exception as error:  # noqa: BLE001  # a job may raise anything
                if book.is_asleep:
                    outcome.name = "asleep"
                else:
                    outcome.name = await self._fail(run, _described(error, invocation))
                    outcome.error = invocation.error
                    span.set_status(Status(StatusCode.ERROR))
                    span.set_attribute("error.type", invocation.error)
            else:
                if book.is_asleep:  # the job has caught what ended its try
                    outcome.name = "asleep"
                    return
                sealed = self._desk.seal.close(run.id, "result", result)
                is_done = await persistent(lambda: self._queue.done(self.name, run, sealed))
                outcome.name = "done" if is_done else "lost"
            span.set_attribute("annex.run.outcome", outcome.name)
            extra = {"run_id": run.id, "job": job, "try": run.number, "outcome": outcome.name}
            logger.log(
                logging.INFO if outcome.name in {"done", "cancelled", "asleep"} else logging.WARNING,
                "run ended",
                extra=extra,
            )

    async def _fail(self, run: Taken, error: RunError) -> str:
        base = self._settings.backoff * 2 ** (run.number - 1)
        delay = min(MOST_BACKOFF, base) * random.uniform(0.5, 1.5)  # noqa: S311  # no secret
        text = self._desk.seal.close(run.id, "error", msgspec.json.encode(error))
        return await persistent(lambda: self._queue.failed(self.name, run, text, delay))

    async def _tick(self) -> None:
        """Let what falls due begin, end what is to end, fire schedules."""
        while True:
            try:
                pulse = await self._queue.tick(self.name)
                self._unknown = pulse.held - self._running.keys()
                for run_id in pulse.ending & self._running.keys():
                    self._running[run_id][1].cancel()
                if not self._stopping.is_set():
                    await self._schedules.fire(pulse.now)
                await self._figures.look(self._queue)
                await self._held.look()
            except Unavailable:
                pass  # the taker says so
            except Exception:
                logger.exception("a look at what falls due failed")
            await asyncio.sleep(TICK)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            pass

    @contextmanager
    def _traced(self, run: Taken, job: str) -> Iterator[Span]:
        """Continue the trace of who queued it, and link to that span."""
        parent = _PROPAGATOR.extract({"traceparent": run.fields.get("trace", b"").decode()})
        origin = get_current_span(parent).get_span_context()
        links = [Link(origin)] if origin.is_valid else []
        attributes: dict[str, str | int] = {
            "messaging.system": "redis",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": job,
            "messaging.message.id": run.id,
            "annex.run.try": run.number,
        }
        with self._tracer.start_as_current_span(
            f"process {job}", parent, kind=SpanKind.CONSUMER, attributes=attributes, links=links
        ) as span:
            yield span


def _described(error: Exception, invocation: Invocation) -> RunError:
    """Note an error in log and span; return what its caller may learn of it."""
    noun = note(error, invocation)
    return RunError(noun.code, noun.detail)

"""What is counted of queued work: how much waits and for how long, what came of it, how long it took."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from runtime.telemetry.metrics.durations import BOUNDS
from runtime.work.queue.queue import Depth, Queue

EVERY = 10.0  # seconds between two looks at the queue


class TryOutcome:
    """What came of a try.

    Attributes:
        name: ``done``, ``queued`` (again), ``failed``, ``cancelled``, ``lost``, or ``handed_back``.
        error: the code of what made it fail, empty where nothing did.
    """

    def __init__(self) -> None:
        self.name = "handed_back"
        self.error = ""


class Figures:
    """The instruments of one worker.

    Args:
        meter: makes them.
        broker: where the queue is, as the conventions name it.
    """

    def __init__(self, meter: Meter, broker: Mapping[str, str | int]) -> None:
        self._operation = {
            "messaging.system": "redis",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            **broker,
        }
        self._depths: list[Depth] = []
        self._next_look = 0.0
        self._tries = meter.create_counter(
            "annex.jobs.tries", unit="{try}", description="Tries by job and outcome."
        )
        self._duration = meter.create_histogram(
            "messaging.process.duration",
            unit="s",
            description="Duration of a try of a job.",
            explicit_bucket_boundaries_advisory=BOUNDS,  # messaging has the same as HTTP
        )
        meter.create_observable_gauge(
            "annex.jobs.waiting", [self._waiting], unit="{run}", description="Runs that may begin and wait."
        )
        meter.create_observable_gauge(
            "annex.jobs.oldest",
            [self._oldest],
            unit="s",
            description="How long the oldest run has been queued or running.",
        )

    @contextmanager
    def timed(self, job: str) -> Iterator[TryOutcome]:
        """Count one try."""
        outcome, began = TryOutcome(), time.perf_counter()
        try:
            yield outcome
        finally:
            facts = {"messaging.destination.name": job, "annex.run.outcome": outcome.name}
            self._tries.add(1, facts)
            if outcome.error:
                facts |= {"error.type": outcome.error}
            self._duration.record(time.perf_counter() - began, {**facts, **self._operation})

    async def look(self, queue: Queue) -> None:
        """Ask the queue how much waits, now and then."""
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + EVERY
            self._depths = await queue.depths()

    def _waiting(self, _: CallbackOptions) -> Iterator[Observation]:
        return (Observation(each.waiting, {"messaging.destination.name": each.job}) for each in self._depths)

    def _oldest(self, _: CallbackOptions) -> Iterator[Observation]:
        return (Observation(each.oldest, {"messaging.destination.name": each.job}) for each in self._depths)

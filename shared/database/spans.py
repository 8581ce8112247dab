"""How the database shows itself: a CLIENT span and a duration for each statement, a span for each wait.

OpenTelemetry's API only, by its stable database conventions. No parameter, literal or message of the server
ever becomes an attribute.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import TracebackType
from typing import NamedTuple, Protocol

from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation
from opentelemetry.trace import SpanKind, Status, StatusCode, TracerProvider
from opentelemetry.util.types import AttributeValue

from shared.attributes import AttributeSet
from shared.database.failures import translate
from shared.database.statements import Statement, describe

_SCOPE = "annex.database"
# Below this an acquire did not wait: a span would be noise, and a measurement cost more than it tells.
_WAITED_SECONDS = 0.001
_REMEMBERED = 2048  # texts; they are constants of our code, or should be
_SECONDS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)


class Statistics(NamedTuple):
    """The pool at one moment.

    Attributes:
        size: open connections.
        idle: open and free.
        waiting: tasks that wait for one.
        maximum: how many there may be.
    """

    size: int
    idle: int
    waiting: int
    maximum: int


class Histogram(Protocol):
    """What we use of the API's histogram."""

    def record(self, amount: float, attributes: Mapping[str, AttributeValue]) -> None:
        """Count one; what has the same attributes gives them in the same order."""


type MakeHistogram = Callable[[str, str, str, Sequence[float]], Histogram]
"""Makes a histogram of seconds from the name of its scope, its own, a description and the buckets' bounds."""


class Operation(NamedTuple):
    """A text of SQL, and what is told each time it runs."""

    statement: Statement
    attributes: AttributeSet


class Instruments:
    """The tracer and the instruments of one database; the meter's own histograms where none are given."""

    def __init__(
        self,
        attributes: dict[str, str],
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        histogram: MakeHistogram | None = None,
    ) -> None:
        self._tracer = trace.get_tracer(_SCOPE, tracer_provider=tracer_provider)
        self._attributes = AttributeSet({"db.system.name": "postgresql", **attributes})
        self._meter = metrics.get_meter(_SCOPE, meter_provider=meter_provider)
        make = histogram or self._histogram
        self._duration = make(_SCOPE, "db.client.operation.duration", "Duration of one statement", _SECONDS)
        self._wait = make(
            _SCOPE,
            "db.client.connection.wait_time",
            "Time to get a connection, where that was a millisecond or more",
            _SECONDS,
        )
        self._timeouts = self._meter.create_counter(
            "db.client.connection.timeouts", "{timeout}", "Waits for a connection that were given up"
        )
        self._pool = AttributeSet(
            {"db.client.connection.pool.name": attributes.get("db.namespace", "database")}
        )
        self.operation: Callable[[str], Operation] = lru_cache(_REMEMBERED)(self._described)

    def _described(self, sql: str) -> Operation:
        statement = describe(sql)
        told = {
            **self._attributes,
            "db.query.summary": statement.summary,
            "db.operation.name": statement.operation,
        }
        if len(statement.tables) == 1:
            told["db.collection.name"] = statement.tables[0]
        return Operation(statement, AttributeSet(told))

    def statement(self, sql: str) -> "Observed":
        """Return a context manager around one round trip; what leaves it is one of our errors."""
        return Observed(self, self.operation(sql))

    def succeeded(self, operation: Operation, began: int) -> None:
        """Tell of a statement that began at `began` (``time.perf_counter_ns``) and was answered now.

        Nothing happens below a statement, so its span is made when it is over.
        """
        elapsed, ended = time.perf_counter_ns() - began, time.time_ns()
        self._duration.record(elapsed / 1e9, operation.attributes)
        self._tracer.start_span(
            operation.statement.summary, None, SpanKind.CLIENT, operation.attributes, (), ended - elapsed
        ).end(ended)

    def failed(self, operation: Operation, began: int, error: BaseException) -> None:
        """Tell of a statement that failed now."""
        elapsed, ended = time.perf_counter_ns() - began, time.time_ns()
        sqlstate = getattr(error, "sqlstate", None)
        attributes = {**operation.attributes, "error.type": sqlstate or type(error).__name__}
        if sqlstate:
            attributes["db.response.status_code"] = sqlstate
        self._duration.record(elapsed / 1e9, attributes)
        span = self._tracer.start_span(
            operation.statement.summary, None, SpanKind.CLIENT, attributes, (), ended - elapsed
        )
        span.set_status(Status(StatusCode.ERROR))
        span.end(ended)

    def acquired(self, began: int, error: BaseException | None = None) -> None:
        """Record an acquire that began at `began` (``time.time_ns``), unless it neither waited nor failed."""
        waited = (time.time_ns() - began) / 1e9
        if error is None and waited < _WAITED_SECONDS:
            return
        self._wait.record(waited, self._pool)
        if isinstance(error, TimeoutError):
            self._timeouts.add(1, self._pool)
        span = self._tracer.start_span("db.pool.acquire", attributes=self._attributes, start_time=began)
        if error is not None:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def _histogram(self, _: str, name: str, description: str, bounds: Sequence[float]) -> Histogram:
        return self._meter.create_histogram(
            name, "s", description, explicit_bucket_boundaries_advisory=bounds
        )

    def watch(self, statistics: Callable[[], Statistics]) -> None:
        """Publish the pool's statistics as gauges whenever metrics are collected."""

        def connections(_: CallbackOptions) -> Iterable[Observation]:
            now = statistics()
            yield Observation(now.idle, {**self._pool, "db.client.connection.state": "idle"})
            yield Observation(now.size - now.idle, {**self._pool, "db.client.connection.state": "used"})

        def pending(_: CallbackOptions) -> Iterable[Observation]:
            yield Observation(statistics().waiting, self._pool)

        def maximum(_: CallbackOptions) -> Iterable[Observation]:
            yield Observation(statistics().maximum, self._pool)

        gauge = self._meter.create_observable_up_down_counter
        gauge("db.client.connection.count", [connections], "{connection}", "Open connections by state")
        gauge("db.client.connection.pending_requests", [pending], "{request}", "Waits for a connection")
        gauge("db.client.connection.max", [maximum], "{connection}", "Connections there may be")


class Observed:
    """``with instruments.statement(sql):`` around one round trip."""

    __slots__ = ("_began", "_instruments", "_operation")

    def __init__(self, instruments: Instruments, operation: Operation) -> None:
        self._instruments = instruments
        self._operation = operation

    def __enter__(self) -> None:
        self._began = time.perf_counter_ns()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_: TracebackType | None
    ) -> None:
        if error is None:
            self._instruments.succeeded(self._operation, self._began)
            return
        self._instruments.failed(self._operation, self._began, error)
        if (ours := translate(error)) is not error:
            raise ours from None

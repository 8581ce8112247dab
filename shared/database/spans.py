"""How the database shows itself: a CLIENT span and a duration for each statement, a span for each wait.

OpenTelemetry's API only, by its stable database conventions. No parameter, literal or message of the server
ever becomes an attribute.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation
from opentelemetry.trace import SpanKind, Status, StatusCode, TracerProvider
from opentelemetry.util.types import AttributeValue

from shared.database.failures import translate
from shared.database.statements import Statement

_SCOPE = "annex.database"
# Below this an acquire did not wait: a span would be noise, and a measurement cost more than it tells.
_WAITED_SECONDS = 0.001
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


class Instruments:
    """The tracer and the instruments of one database; the meter's own histograms where none are given."""

    def __init__(
        self,
        attributes: dict[str, AttributeValue],
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        histogram: MakeHistogram | None = None,
    ) -> None:
        self.tracer = trace.get_tracer(_SCOPE, tracer_provider=tracer_provider)
        self.attributes: dict[str, AttributeValue] = {"db.system.name": "postgresql", **attributes}
        # As many as there are texts of statements, and those are constants of our code.
        self._labels: dict[Statement, dict[str, AttributeValue]] = {}
        self._meter = metrics.get_meter(_SCOPE, meter_provider=meter_provider)
        make = histogram or self._histogram
        self.duration = make(_SCOPE, "db.client.operation.duration", "Duration of one statement", _SECONDS)
        self._wait = make(
            _SCOPE,
            "db.client.connection.wait_time",
            "Time to get a connection, where that was a millisecond or more",
            _SECONDS,
        )
        self._timeouts = self._meter.create_counter(
            "db.client.connection.timeouts", "{timeout}", "Waits for a connection that were given up"
        )
        self._pool = {"db.client.connection.pool.name": str(attributes.get("db.namespace", "database"))}

    def statement(self, statement: Statement) -> "StatementSpan":
        """Return a context manager that is the span of one statement and names its failure."""
        return StatementSpan(self, statement)

    def labels(self, statement: Statement) -> dict[str, AttributeValue]:
        """Return the attributes of a statement, made once for each."""
        known = self._labels.get(statement)
        if known is None:
            known = self._labels[statement] = {
                **self.attributes,
                "db.query.summary": statement.summary,
                "db.operation.name": statement.operation,
            }
            if len(statement.tables) == 1:
                known["db.collection.name"] = statement.tables[0]
        return known

    def acquired(self, began: int, error: BaseException | None = None) -> None:
        """Record an acquire that began at `began` (``time.time_ns``), unless it neither waited nor failed."""
        waited = (time.time_ns() - began) / 1e9
        if error is None and waited < _WAITED_SECONDS:
            return
        self._wait.record(waited, self._pool)
        if isinstance(error, TimeoutError):
            self._timeouts.add(1, self._pool)
        span = self.tracer.start_span("db.pool.acquire", attributes=self.attributes, start_time=began)
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


class StatementSpan:
    """``with instruments.statement(…):`` around one round trip; what leaves it is one of our errors."""

    __slots__ = ("_began", "_instruments", "_labels", "_span", "_statement")

    def __init__(self, instruments: Instruments, statement: Statement) -> None:
        self._instruments = instruments
        self._statement = statement

    def __enter__(self) -> Self:
        statement = self._statement
        self._labels = self._instruments.labels(statement)
        self._span = self._instruments.tracer.start_span(
            statement.summary, kind=SpanKind.CLIENT, attributes=self._labels
        )
        self._began = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_: TracebackType | None
    ) -> None:
        elapsed = time.perf_counter() - self._began
        labels = self._labels if error is None else self._fail(error)
        self._instruments.duration.record(elapsed, labels)
        self._span.end()
        if error is not None and (ours := translate(error)) is not error:
            raise ours from None

    def _fail(self, error: BaseException) -> dict[str, AttributeValue]:
        sqlstate = getattr(error, "sqlstate", None)
        failure: dict[str, AttributeValue] = {"error.type": sqlstate or type(error).__name__}
        if sqlstate:
            failure["db.response.status_code"] = sqlstate
        self._span.set_attributes(failure)
        self._span.set_status(Status(StatusCode.ERROR))
        return {**self._labels, **failure}

"""Telemetry of the database: a CLIENT span and a duration for each statement, a span for each wait.

Uses OpenTelemetry's API only and follows its stable database conventions. No parameter, literal or server
message becomes an attribute.
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
from shared.database.statements.statement import Statement, describe

_SCOPE = "annex.database"
_MIN_WAIT = 0.001  # seconds; a shorter acquire did not wait, and is not recorded
_CACHED_STATEMENTS = 2048  # SQL texts; they are constants of the code, or should be
_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)


class Statistics(NamedTuple):
    """The current numbers of a pool.

    Attributes:
        size: open connections.
        idle: open and free.
        waiting: tasks waiting for one.
        maximum: the limit of open ones.
        listening: open beside the pool, for notifications.
    """

    size: int
    idle: int
    waiting: int
    maximum: int
    listening: int = 0


class Histogram(Protocol):
    """The part of the API's histogram that is used here."""

    def record(self, amount: float, attributes: Mapping[str, AttributeValue]) -> None:
        """Record one measurement; equal attributes come in the same order."""


type MakeHistogram = Callable[[str, str, str, Sequence[float]], Histogram]
"""Makes a histogram in seconds from scope, name, description and bucket bounds."""


class StatementRecord(NamedTuple):
    """A statement with the attributes of its spans."""

    statement: Statement
    attributes: AttributeSet


class Instruments:
    """Tracer and instruments of one database; `histogram` makes the histograms, by default the meter does."""

    def __init__(
        self,
        attributes: Mapping[str, str | int],
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        histogram: MakeHistogram | None = None,
    ) -> None:
        self._tracer = trace.get_tracer(_SCOPE, tracer_provider=tracer_provider)
        self._attributes = AttributeSet({"db.system.name": "postgresql", **attributes})
        self._meter = metrics.get_meter(_SCOPE, meter_provider=meter_provider)
        make = histogram or self._histogram
        self._duration = make(_SCOPE, "db.client.operation.duration", "Duration of one statement", _BUCKETS)
        self._wait = make(
            _SCOPE,
            "db.client.connection.wait_time",
            "Time to obtain a connection, if a millisecond or more",
            _BUCKETS,
        )
        self._timeouts = self._meter.create_counter(
            "db.client.connection.timeouts", "{timeout}", "Waits for a connection that timed out"
        )
        self._pool = AttributeSet(
            {"db.client.connection.pool.name": str(attributes.get("db.namespace", "database"))}
        )
        self.record: Callable[[str], StatementRecord] = lru_cache(_CACHED_STATEMENTS)(self._described)

    def _described(self, sql: str) -> StatementRecord:
        statement = describe(sql)
        # The conventions forbid to read operation and collection from a text that may hold several.
        attributes = {**self._attributes, "db.query.summary": statement.summary}
        return StatementRecord(statement, AttributeSet(attributes))

    def statement(self, sql: str) -> "Observed":
        """Return a context manager around one round trip; it translates what is raised inside."""
        return Observed(self, self.record(sql))

    def succeeded(self, record: StatementRecord, began: int) -> None:
        """Record a statement that began at `began` (``time.perf_counter_ns``) and ended now.

        A statement has no child spans, so its span is made at its end.
        """
        elapsed, ended = time.perf_counter_ns() - began, time.time_ns()
        self._duration.record(elapsed / 1e9, record.attributes)
        self._tracer.start_span(
            record.statement.summary, None, SpanKind.CLIENT, record.attributes, (), ended - elapsed
        ).end(ended)

    def failed(self, record: StatementRecord, began: int, error: BaseException) -> None:
        """Record a statement that failed now."""
        elapsed, ended = time.perf_counter_ns() - began, time.time_ns()
        sqlstate = getattr(error, "sqlstate", None)
        attributes = {**record.attributes, "error.type": sqlstate or type(error).__name__}
        if sqlstate:
            attributes["db.response.status_code"] = sqlstate
        self._duration.record(elapsed / 1e9, attributes)
        span = self._tracer.start_span(
            record.statement.summary, None, SpanKind.CLIENT, attributes, (), ended - elapsed
        )
        span.set_status(Status(StatusCode.ERROR))
        span.end(ended)

    def acquired(self, began: int, error: BaseException | None = None) -> None:
        """Record an acquire that began at `began` (``time.time_ns``) and waited or failed."""
        waited = (time.time_ns() - began) / 1e9
        if error is None and waited < _MIN_WAIT:
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
        """Publish the pool's statistics whenever metrics are collected."""

        def connections(_: CallbackOptions) -> Iterable[Observation]:
            now = statistics()
            yield Observation(now.idle, {**self._pool, "db.client.connection.state": "idle"})
            yield Observation(
                now.size - now.idle + now.listening, {**self._pool, "db.client.connection.state": "used"}
            )

        def pending(_: CallbackOptions) -> Iterable[Observation]:
            yield Observation(statistics().waiting, self._pool)

        def maximum(_: CallbackOptions) -> Iterable[Observation]:
            yield Observation(statistics().maximum, self._pool)

        gauge = self._meter.create_observable_up_down_counter
        gauge("db.client.connection.count", [connections], "{connection}", "Open connections by state")
        gauge(
            "db.client.connection.pending_requests", [pending], "{request}", "Tasks waiting for a connection"
        )
        gauge("db.client.connection.max", [maximum], "{connection}", "Limit of open connections")


class Observed:
    """``with instruments.statement(sql):`` around one round trip."""

    __slots__ = ("_began", "_instruments", "_record")

    def __init__(self, instruments: Instruments, record: StatementRecord) -> None:
        self._instruments = instruments
        self._record = record

    def __enter__(self) -> None:
        self._began = time.perf_counter_ns()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_: TracebackType | None
    ) -> None:
        if error is None:
            self._instruments.succeeded(self._record, self._began)
            return
        self._instruments.failed(self._record, self._began, error)
        if (ours := translate(error)) is not error:
            raise ours from None

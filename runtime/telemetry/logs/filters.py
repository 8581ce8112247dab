"""Which lines are left out, so that no caller and no collector can fill the log."""

import logging
import re
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from contextvars import Context
from types import TracebackType

from runtime.telemetry.redaction import name_of
from shared.throttle import Throttle

logger = logging.getLogger("annex.log")  # telemetry's own loggers are filtered here

FAILURES_A_SECOND = 20  # lines of one exception type from one place
MAX_KEYS = 256
_TELEMETRY = ("opentelemetry", "urllib3", "httpx", "runtime.telemetry")
_FOREIGN = ("opentelemetry", "urllib3", "httpx")  # their lines quote URLs, headers and responses
_POSITIONAL = re.compile(r"%\(\w+\)")


class TelemetryFilter(logging.Filter):
    """Lets telemetry report each thing about itself once a minute; a dead collector must not fill the log.

    OpenTelemetry warns on every retry and every batch, and for each span that a full queue drops; a fault in
    our own tracing would come with every request.
    """

    def __init__(self, every: float = 60.0) -> None:
        super().__init__()
        self._every = every
        self._throttles: dict[tuple[str, str], Throttle] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Refuse lines of telemetry below a warning, and those written within the interval."""
        if not record.name.startswith(_TELEMETRY):
            return True
        if record.levelno < logging.WARNING:
            return False
        if len(self._throttles) > MAX_KEYS:
            self._throttles.clear()
        key = (record.name, str(record.msg))
        if self._throttles.setdefault(key, Throttle(seconds=self._every)).admit() is None:
            return False
        if record.name.startswith(_FOREIGN):
            record.args = tuple(each if isinstance(each, int | float) else "…" for each in _values(record))
            record.msg, record.exc_info = _POSITIONAL.sub("%", str(record.msg)), None
        return True


class RefusalFilter(logging.Filter):
    """Lets refused callers cause so many lines a second; the next one counts those left out.

    Anybody can send bad tokens, and the platform drops lines beyond its limit whatever they say.
    """

    def __init__(self, rate: int) -> None:
        super().__init__()
        self._throttle = Throttle(rate)

    def filter(self, record: logging.LogRecord) -> bool:
        """Refuse lines about refusals beyond the rate; warnings and all other lines pass."""
        if not record.name.startswith("runtime.auth") or record.levelno >= logging.WARNING:
            return True
        return _admitted(record, self._throttle)


class FailureFilter(logging.Filter):
    """Lets each failure, an exception type at a place, write so many lines a second.

    Anybody can repeat a request that fails. What was left out is counted by the next line of that failure, or
    after a second by a line of its own.
    """

    def __init__(self, rate: int = FAILURES_A_SECOND) -> None:
        super().__init__()
        self._rate = rate
        self._throttles: dict[str, Throttle] = {}
        self._is_due = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Refuse lines with an exception beyond the rate of its type and place."""
        error = error_of(record)
        if error is None:
            return True
        failure = _failure(error)
        if len(self._throttles) > MAX_KEYS:
            self._throttles.clear()
        if _admitted(record, self._throttles.setdefault(failure, Throttle(self._rate))):
            return True
        self._report_soon()
        return False

    def _report_soon(self) -> None:
        if not self._is_due:
            timer = threading.Timer(1, self._report)
            timer.daemon = True
            with suppress(RuntimeError):  # no further thread can be started
                Context().run(timer.start)  # its line belongs to no call
                self._is_due = True

    def _report(self) -> None:
        self._is_due = False
        for failure, throttle in tuple(self._throttles.items()):
            if left_out := throttle.take():
                extra = {"left_out": left_out}
                logger.error("%d more failures were left out: %s", left_out, failure, extra=extra)


def error_of(record: logging.LogRecord) -> BaseException | None:
    """Return the exception that a record was written for, None for most."""
    return record.exc_info[1] if record.exc_info else None


def _admitted(record: logging.LogRecord, throttle: Throttle) -> bool:
    left_out = throttle.admit()
    if left_out:
        record.left_out = left_out
    return left_out is not None


def _failure(error: BaseException) -> str:
    """Return type and innermost place; those of the first member of a group, which is raised in one place."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    place: TracebackType | None = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None:
        return name_of(error)
    return f"{name_of(error)} at {place.tb_frame.f_code.co_filename}:{place.tb_lineno}"


def _values(record: logging.LogRecord) -> Iterable[object]:
    return record.args.values() if isinstance(record.args, Mapping) else record.args or ()

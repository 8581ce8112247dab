"""Log lines: one JSON object a line for the platform, readable ones for a person at a terminal.

Whoever logs, a function or uvicorn, only calls `logging.getLogger(__name__)`; which request and which trace
a line belongs to is added here.
"""

import json
import logging
import re
import sys
import time
import traceback
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TextIO

import msgspec
from opentelemetry import trace
from opentelemetry.trace import format_span_id, format_trace_id

from runtime.asgi.invocation import current
from runtime.settings.variables import TelemetrySettings
from runtime.telemetry.redaction import describe, scrub

_LINE = 15_000  # bytes; the platform's limit is undocumented, 16 KiB is the customary one
_TEXT = 4_000
_VALUE = 1_000
_SQUEEZED = 200
_POSITIONAL = re.compile(r"%\(\w+\)")
_LEVELS = {"DEBUG": "debug", "INFO": "info", "WARNING": "warn", "ERROR": "error", "CRITICAL": "error"}
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_CHATTY = ("opentelemetry", "urllib3", "httpx", "runtime.telemetry")
_FOREIGN = ("opentelemetry", "urllib3", "httpx")  # their lines quote URLs, headers and answers


def configure_logging(settings: TelemetrySettings, *, production: bool, stream: TextIO | None = None) -> None:
    """Send every logger's lines, uvicorn's included, to one place in one form.

    Args:
        settings: level and format; `json` in production and `text` elsewhere when it does not say.
        production: also decides whether an unexpected exception's message is written: it can quote what a
            caller sent, so in production type and places have to do unless the settings say otherwise.
        stream: standard output when None; standard error would show as errors on the platform.
    """
    stream = sys.stdout if stream is None else stream
    as_json = settings.log_format == "json" or (settings.log_format is None and production)
    handler = Lockless(stream)
    messages = settings.exception_messages or not production
    handler.setFormatter(
        JsonLine(messages=messages) if as_json else TextLine(colour=stream.isatty(), messages=messages)
    )
    handler.addFilter(Throttle())
    handler.addFilter(Refusals(settings.access_log_rate))
    root = logging.getLogger()
    for old in tuple(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.log_level.upper())
    _adopt_uvicorn()


def _adopt_uvicorn() -> None:
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        adopted = logging.getLogger(name)
        adopted.handlers.clear()
        adopted.propagate = True
    logging.getLogger("uvicorn.access").disabled = True  # ours knows route, duration and trace


class Lockless(logging.StreamHandler[TextIO]):
    """Writes to a stream without the stock handler's lock.

    It is held while a record is formatted, so that an argument whose text takes its time would hold everybody
    else who logs. A line is one write, and stays whole without it.
    """

    def handle(self, record: logging.LogRecord) -> bool:
        """Write the record, if no filter refuses it; return whether."""
        passed = self.filter(record)
        if passed:
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return bool(passed)


class JsonLine(logging.Formatter):
    """One JSON object: `level`, `message`, `time`, `logger`, the request's ids, the record's own `extra`."""

    def __init__(self, *, messages: bool) -> None:
        super().__init__()
        self._messages = messages

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, at most 15,000 bytes."""
        line: dict[str, Any] = {
            "level": _LEVELS.get(record.levelname, "info"),
            "message": _short(record.getMessage(), _TEXT),
            "time": _clock(record.created, "%Y-%m-%dT%H:%M:%S") + "Z",
            "logger": record.name,
            **request_ids(),
            **extras(record),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line |= _exception(record.exc_info[1], messages=self._messages)
        encoded = _encode(line)
        if len(encoded) > _LINE:
            encoded = _encode({key: _short(str(value), _SQUEEZED) for key, value in list(line.items())[:12]})
        return scrub(encoded.decode())


class TextLine(logging.Formatter):
    """A line to read: time, level, logger, message, `key=value`; a traceback below it in full."""

    _COLOURS: ClassVar = {"DEBUG": "2", "INFO": "36", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}

    def __init__(self, *, colour: bool, messages: bool) -> None:
        super().__init__()
        self._colour = colour
        self._messages = messages

    def format(self, record: logging.LogRecord) -> str:
        """Return the line and, when the record has an exception, its traceback."""
        level = self._paint(f"{record.levelname:<8}", self._COLOURS.get(record.levelname, "0"))
        ids = request_ids()
        named = {**extras(record), "trace": ids.get("trace_id"), "user": ids.get("user_id")}
        details = " ".join(f"{key}={value}" for key, value in named.items() if value is not None)
        clock = self._paint(_clock(record.created, "%H:%M:%S"), "2")
        message = _printable(_short(record.getMessage(), _TEXT))
        text = (
            f"{clock} {level} {message}  {self._paint(_printable(f'{record.name} {details}'), '2')}".rstrip()
        )
        if record.exc_info and record.exc_info[1] is not None:
            text += "\n" + self._traceback(record.exc_info[1])
        return scrub(text)

    def _traceback(self, error: BaseException) -> str:
        if self._messages:
            return "".join(traceback.format_exception(error)).rstrip()
        return describe(error).stacktrace

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


class Throttle(logging.Filter):
    """Lets telemetry say each thing about itself once a minute; a dead collector must not fill the log.

    OpenTelemetry warns on every retry and every batch, and for each span that a full queue drops; a fault in
    our own tracing would come with every request.
    """

    def __init__(self, every: float = 60.0) -> None:
        super().__init__()
        self._every = every
        self._last: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Refuse lines about telemetry that are not warnings, or were said within the interval."""
        if not record.name.startswith(_CHATTY):
            return True
        key, now = (record.name, str(record.msg)), time.monotonic()
        if record.levelno < logging.WARNING or now - self._last.get(key, -self._every) < self._every:
            return False
        if len(self._last) > 256:
            self._last.clear()
        self._last[key] = now
        if record.name.startswith(_FOREIGN):
            record.args = tuple(each if isinstance(each, int | float) else "…" for each in _values(record))
            record.msg, record.exc_info = _POSITIONAL.sub("%", str(record.msg)), None
        return True


def _values(record: logging.LogRecord) -> Iterable[object]:
    return record.args.values() if isinstance(record.args, Mapping) else record.args or ()


class Refusals(logging.Filter):
    """Lets refused callers cause so many lines a second; the next one says how many were left out.

    Anybody can send bad tokens, and the platform drops lines beyond its limit whatever they say.
    """

    def __init__(self, rate: int) -> None:
        super().__init__()
        self._rate = rate
        self._second = 0
        self._written = 0
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Refuse lines about refusals beyond the rate; warnings and all other lines pass."""
        if not record.name.startswith("runtime.auth") or record.levelno >= logging.WARNING:
            return True
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._written = second, 0
        if self._written >= self._rate:
            self._left_out += 1
            return False
        self._written += 1
        if self._left_out:
            record.left_out, self._left_out = self._left_out, 0
        return True


def request_ids() -> dict[str, str]:
    """Return what joins a line with its request: the trace, the function, the caller, the request id twice.

    `requestId` is the name under which the platform's own HTTP log knows it.
    """
    ids: dict[str, str] = {}
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        ids["trace_id"] = format_trace_id(context.trace_id)
        ids["span_id"] = format_span_id(context.span_id)
    invocation = current.get()
    if invocation is not None:
        if invocation.endpoint is not None:
            ids["function"] = invocation.endpoint.file
        if invocation.user is not None:
            ids["user_id"] = invocation.user.user_id
        ids["request_id"] = ids["requestId"] = invocation.request_id
    return ids


def extras(record: logging.LogRecord) -> dict[str, Any]:
    """Return what the caller gave a record beside its message, long texts cut."""
    return {
        key: _short(value, _VALUE) if isinstance(value, str) else value
        for key, value in vars(record).items()
        if key not in _STANDARD
    }


def _exception(error: BaseException, *, messages: bool) -> dict[str, str]:
    described = describe(error)
    members = {"exception": described.type, "traceback": described.stacktrace[-_TEXT:]}
    message = str(error) if messages else described.message
    return members if message is None else {**members, "exception_message": _short(message, _VALUE)}


def _encode(line: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(line, enc_hook=str)
    except Exception:  # noqa: BLE001 - whatever a caller put into `extra`, its line is written
        shown = {key: value if isinstance(value, str) else repr(value) for key, value in line.items()}
        return json.dumps(shown).encode()


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def _printable(text: str) -> str:
    """Escape what would move a terminal's cursor."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _clock(seconds: float, form: str) -> str:
    return f"{time.strftime(form, time.gmtime(seconds))}.{int(seconds % 1 * 1000):03}"

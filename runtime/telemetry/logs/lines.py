"""The two forms of a log line: a JSON object for the platform, text for a person at a terminal.

A function only calls `logging.getLogger(__name__)`; which request and which trace a line belongs to is added
here.
"""

import json
import logging
import time
import traceback
from typing import Any, ClassVar

import msgspec
from opentelemetry import trace
from opentelemetry.trace import format_span_id, format_trace_id

from runtime.asgi.invocation import current
from runtime.telemetry.logs.filters import error_of
from runtime.telemetry.redaction import describe, message_of, name_of, scrub

MAX_LINE = 15_000  # bytes; the platform's limit is undocumented, 16 KiB is the customary one
MAX_TEXT = 4_000  # characters of a message or a traceback
MAX_TRACEBACK = 20_000  # of a traceback with its messages, for a person to read
MAX_VALUE = 1_000  # of a value in `extra`
SHORT_VALUE = 200  # of a value in a line that would be too long
_LEVELS = {"DEBUG": "debug", "INFO": "info", "WARNING": "warn", "ERROR": "error", "CRITICAL": "error"}
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class JsonLine(logging.Formatter):
    """One JSON object: `level`, `message`, `time`, `logger`, the request's ids, the record's own `extra`.

    A name in `extra` that the line already has becomes `extra.<name>`.
    """

    def __init__(self, *, messages: bool) -> None:
        super().__init__()
        self._messages = messages

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, at most 15,000 bytes."""
        own: dict[str, Any] = {
            "level": _LEVELS.get(record.levelname, "info"),
            "message": message_text(record, messages=self._messages),
            "time": _clock(record.created, "%Y-%m-%dT%H:%M:%S") + "Z",
            "logger": record.name,
            **request_ids(),
        }
        if (error := error_of(record)) is not None:
            own |= _exception(error, messages=self._messages)
        more = {f"extra.{key}" if key in own else key: value for key, value in extras(record).items()}
        return scrub(_bounded(own, more).decode())


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
        message = _printable(message_text(record, messages=self._messages))
        text = (
            f"{clock} {level} {message}  {self._paint(_printable(f'{record.name} {details}'), '2')}".rstrip()
        )
        if (error := error_of(record)) is not None:
            text += "\n" + self._traceback(error)
        return scrub(text)

    def _traceback(self, error: BaseException) -> str:
        if self._messages:
            return _short("".join(traceback.format_exception(error)).rstrip(), MAX_TRACEBACK)
        return describe(error).stacktrace

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


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
        key: _short(value, MAX_VALUE) if isinstance(value, str) else value
        for key, value in vars(record).items()
        if key not in _STANDARD
    }


def unwritable(record: logging.LogRecord, error: Exception) -> logging.LogRecord:
    """Return a record in place of one that cannot be written: its place and template, no argument."""
    stated = logging.LogRecord(
        record.name,
        record.levelno,
        record.pathname,
        record.lineno,
        "log line could not be written: its arguments do not fit",
        None,
        record.exc_info,
    )
    stated.template = record.msg if isinstance(record.msg, str) else type(record.msg).__qualname__
    stated.place = f"{record.pathname}:{record.lineno} ({record.funcName})"
    stated.problem = name_of(error)
    return stated


def message_text(record: logging.LogRecord, *, messages: bool) -> str:
    """Return the message of a record as it may be read; `messages` as in `JsonLine`."""
    text = record.getMessage()
    if record.name == "asyncio" and record.exc_info and not messages:
        # What follows quotes values: the exception of a task, the arguments of a callback.
        text = text.partition("\n")[0].partition("(")[0]
    return _short(text, MAX_TEXT)


def _exception(error: BaseException, *, messages: bool) -> dict[str, str]:
    described = describe(error)
    members = {"exception": described.type, "traceback": described.stacktrace[-MAX_TEXT:]}
    message = message_of(error) if messages else described.message
    return members if message is None else {**members, "exception_message": _short(message, MAX_VALUE)}


def _bounded(own: dict[str, Any], more: dict[str, Any]) -> bytes:
    """Return the line within its limit: `extra` gives way first, then the message, the traceback last."""
    encoded = _encode({**own, **more})
    if len(encoded) > MAX_LINE:
        more = {key: _short(str(value), SHORT_VALUE) for key, value in list(more.items())[:12]}
        shortened = {**own, "message": _short(own["message"], MAX_VALUE)}
        encoded = _encode({**shortened, **more})
    if len(encoded) > MAX_LINE:
        own = {
            key: value[-MAX_VALUE:] if key == "traceback" else value[:MAX_VALUE] for key, value in own.items()
        }
        encoded = _encode({**own, "message": own["message"][:SHORT_VALUE]})
    return encoded


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

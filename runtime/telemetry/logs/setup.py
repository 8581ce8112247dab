"""Where log lines go, in which form, through which filters: set up once a process."""

import logging
from typing import TextIO

from runtime.settings.groups.telemetry import TelemetrySettings
from runtime.telemetry.logs.filters import FailureFilter, RefusalFilter, TelemetryFilter
from runtime.telemetry.logs.lines import JsonLine, TextLine, unwritable
from runtime.telemetry.logs.streams import log_stream


def configure_logging(settings: TelemetrySettings, *, production: bool, stream: TextIO | None = None) -> None:
    """Send the lines of every logger, uvicorn's included, to one stream in one form.

    Args:
        settings: level and format; without a format `json` in production and `text` elsewhere.
        production: leaves out the message of an unexpected exception, unless the settings ask for it: it can
            quote what a caller sent.
        stream: standard output when None; standard error would show as errors on the platform.
    """
    stream = log_stream() if stream is None else stream
    as_json = settings.log_format == "json" or (settings.log_format is None and production)
    messages = settings.exception_messages or not production
    handler = LockFreeHandler(stream)
    handler.setFormatter(
        JsonLine(messages=messages) if as_json else TextLine(colour=stream.isatty(), messages=messages)
    )
    for each in limits_of(settings):
        handler.addFilter(each)
    root = logging.getLogger()
    for old in tuple(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.log_level.upper())
    _adopt_uvicorn()


def limits_of(settings: TelemetrySettings) -> tuple[logging.Filter, ...]:
    """Return what keeps a flood out of one way that lines leave by."""
    return TelemetryFilter(), RefusalFilter(settings.access_log_rate), FailureFilter()


def _adopt_uvicorn() -> None:
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        adopted = logging.getLogger(name)
        adopted.handlers.clear()
        adopted.propagate = True
    logging.getLogger("uvicorn.access").disabled = True  # ours has route, duration and trace
    # runtime/server/process.py has its own lines about start and stop.
    logging.getLogger("uvicorn.error").setLevel(max(logging.WARNING, logging.getLogger().level))


class LockFreeHandler(logging.StreamHandler[TextIO]):
    """Writes to a stream without the stock handler's lock, and every record in some form.

    The lock is held while a record is formatted, so that a slow argument would hold every other thread that
    logs. A line is one write, and stays whole without it.
    """

    def handle(self, record: logging.LogRecord) -> bool:
        """Write the record, if no filter refuses it; return whether."""
        passed = self.filter(record)
        if passed:
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return bool(passed)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; without arguments when they do not fit the text.

        The stock handler would print a traceback with all of them.
        """
        try:
            return super().format(record)
        except Exception as error:  # noqa: BLE001  # arguments and `extra` can be any objects
            return super().format(unwritable(record, error))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the base class's name
        """Do nothing: a line that cannot be written costs no call, and the stock handler prints arguments."""

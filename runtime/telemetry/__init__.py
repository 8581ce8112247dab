"""Traces, metrics and logs. Nothing here may change a response."""

from runtime.telemetry.logs import configure_logging, last_words, text_on, unblocked
from runtime.telemetry.pipeline import Telemetry
from runtime.telemetry.tracing import Tracing, record_exception
from runtime.telemetry.watchdog import EXIT_STATUS, Watchdog, culprit, places

__all__ = [
    "EXIT_STATUS",
    "Telemetry",
    "Tracing",
    "Watchdog",
    "configure_logging",
    "culprit",
    "last_words",
    "places",
    "record_exception",
    "text_on",
    "unblocked",
]

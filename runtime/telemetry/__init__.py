"""Traces, metrics and logs. Nothing here may change a response."""

from runtime.telemetry.logs import configure_logging, last_words, unblocked
from runtime.telemetry.pipeline import Telemetry
from runtime.telemetry.tracing import Tracing, record_exception
from runtime.telemetry.watchdog import Watchdog

__all__ = [
    "Telemetry",
    "Tracing",
    "Watchdog",
    "configure_logging",
    "last_words",
    "record_exception",
    "unblocked",
]

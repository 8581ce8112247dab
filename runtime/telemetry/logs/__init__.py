"""Log lines: what is written, how often, and how it leaves the process."""

from runtime.telemetry.logs.access import AccessLog
from runtime.telemetry.logs.lines import extras, request_ids
from runtime.telemetry.logs.setup import configure_logging
from runtime.telemetry.logs.streams import last_words, text_on, unblocked

__all__ = ["AccessLog", "configure_logging", "extras", "last_words", "request_ids", "text_on", "unblocked"]

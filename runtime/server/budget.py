"""How long a stop may take, and its parts."""

from runtime.settings import Settings

UNWIND_TIMEOUT = 2.0  # seconds for calls cancelled at the end of the drain to clean up
CLOSE_TIMEOUT = 6.0  # seconds to close outbound connections and to send the last spans
EXIT_MARGIN = 2.0  # seconds beyond all others after which the process is ended


def stop_budget(settings: Settings) -> float:
    """Return the seconds after SIGTERM by which the process has ended in any case."""
    delay = settings.limits.drain_delay if settings.is_production else 0.0
    return delay + settings.limits.drain_timeout + UNWIND_TIMEOUT + CLOSE_TIMEOUT + EXIT_MARGIN

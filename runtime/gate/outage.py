"""A store that failed is not asked for some seconds: calls go on without it instead of waiting for it."""

import logging
import time

logger = logging.getLogger(__name__)


class Outage:
    """Whether a store is left alone.

    Args:
        seconds: for which it is, after a failure.
        effect: what holds meanwhile, for the log.
    """

    def __init__(self, seconds: float, effect: str) -> None:
        self._seconds = seconds
        self._effect = effect
        self._until = 0.0

    @property
    def is_over(self) -> bool:
        """Whether the store may be asked."""
        return time.monotonic() >= self._until

    def begin(self, error: Exception) -> None:
        """Note that it failed."""
        self._until = time.monotonic() + self._seconds
        logger.warning("Redis is unavailable, %s: %s", self._effect, type(error).__name__)

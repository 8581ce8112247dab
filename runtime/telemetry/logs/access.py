"""The access line: one for each request while they are few, a sample when they are many."""

import logging

from runtime.asgi.invocation import Invocation
from shared.throttle import Throttle

logger = logging.getLogger("annex.access")


class AccessLog:
    """Writes one line a request, at most `rate` a second for successes and as many for failures.

    The platform drops lines beyond 500 a second, whatever they say. The next line of a kind counts those left
    out before it.
    """

    def __init__(self, rate: int) -> None:
        self._throttles = (Throttle(rate), Throttle(rate))

    def write(self, invocation: Invocation, status: int, seconds: float) -> None:
        """Log how a request ended; `status` 0 when it was cut off before a response."""
        failed = status >= 500
        left_out = self._throttles[failed].admit()
        level = logging.ERROR if failed else logging.INFO
        if left_out is None or not logger.isEnabledFor(level):
            return
        endpoint = invocation.endpoint
        where = endpoint.template if endpoint is not None else "(no route)"
        extra: dict[str, object] = {"status": status, "duration_ms": round(seconds * 1000, 2)}
        if invocation.error:
            extra["error"] = invocation.error
        if left_out:
            extra["left_out"] = left_out
        logger.log(level, "%s %s %s", invocation.method, where, status or "cut off", extra=extra)

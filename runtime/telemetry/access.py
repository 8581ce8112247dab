"""The access line: one for each request while they are few, a sample when they are many."""

import logging
import time

from runtime.asgi.invocation import Invocation

logger = logging.getLogger("annex.access")


class AccessLog:
    """Writes one line a request, at most `rate` a second for successes and as many for failures.

    The platform drops lines beyond 500 a second, and would drop the ones that matter with them; the first
    line of a second says how many the second before left out.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._second = 0
        self._written = [0, 0]
        self._left_out = 0

    def write(self, invocation: Invocation, status: int, seconds: float) -> None:
        """Log how a request ended; `status` 0 when it was cut off before an answer."""
        failed = status >= 500
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._written = second, [0, 0]
        if self._written[failed] >= self._rate:
            self._left_out += 1
            return
        level = logging.ERROR if failed else logging.INFO
        if not logger.isEnabledFor(level):
            return
        self._written[failed] += 1
        endpoint = invocation.endpoint
        where = endpoint.template if endpoint is not None else "(no route)"
        extra: dict[str, object] = {"status": status, "duration_ms": round(seconds * 1000, 2)}
        if invocation.error:
            extra["error"] = invocation.error
        if self._left_out:
            extra["left_out"], self._left_out = self._left_out, 0
        logger.log(level, "%s %s %s", invocation.method, where, status or "cut off", extra=extra)

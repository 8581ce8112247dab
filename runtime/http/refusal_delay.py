"""Delays refusals when there are many, so that the calls that were admitted keep the processor.

A caller that retries at once takes a turn of the loop each time; some hundreds of them take nearly all of it,
and admitted calls run out of time. So only a few refusals a second are sent at once; each of the others waits
a moment, and its connection with it.
"""

import asyncio

from shared.throttle import Throttle

AT_ONCE = 100  # refusals a second that are sent without delay
DELAY = 0.25  # seconds


class RefusalDelay:
    """Holds up the refusals of a second beyond the first hundred."""

    def __init__(self) -> None:
        self._at_once = Throttle(AT_ONCE)

    async def wait(self) -> None:
        """Count one refusal; wait if there were too many in this second."""
        if self._at_once.admit() is None:
            await asyncio.sleep(DELAY)

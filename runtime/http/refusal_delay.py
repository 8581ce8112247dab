"""Delays refusals when there are many, so that the calls that were admitted keep the processor.

A caller that retries at once takes a turn of the loop each time; some hundreds of them take nearly all of it,
and admitted calls run out of time. So only a few refusals a second are sent at once; each of the others waits
a moment, and its connection with it.
"""

import asyncio

AT_ONCE = 100  # refusals a second that are sent without delay
DELAY = 0.25  # seconds


class RefusalDelay:
    """Counts refusals by the second."""

    def __init__(self) -> None:
        self._second = 0
        self._count = 0

    async def wait(self) -> None:
        """Count one refusal; wait if there were too many in this second."""
        second = int(asyncio.get_running_loop().time())
        if second != self._second:
            self._second, self._count = second, 0
        self._count += 1
        if self._count > AT_ONCE:
            await asyncio.sleep(DELAY)

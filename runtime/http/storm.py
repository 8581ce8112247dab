"""Refusals in a storm are told late, so that those who are served keep the processor.

A caller who tries again at once when he is refused takes a turn of the loop each time; some hundreds of them
take nearly all, and the calls that were let in run out of time. A few refusals a second are told at once, as
they should be; of more, each waits a moment, and its connection with it.
"""

import asyncio

AT_ONCE = 100  # refusals a second that are told without delay
DELAY = 0.25  # seconds


class Storm:
    """Counts refusals by the second."""

    def __init__(self) -> None:
        self._second = 0
        self._count = 0

    async def pass_by(self) -> None:
        """Wait, if too many were refused in this second."""
        second = int(asyncio.get_running_loop().time())
        if second != self._second:
            self._second, self._count = second, 0
        self._count += 1
        if self._count > AT_ONCE:
            await asyncio.sleep(DELAY)

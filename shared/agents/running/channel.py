"""The bounded queue between a team and its reader."""

import asyncio
from collections import deque

from shared.agents.events import AgentEvent
from shared.agents.running.standing import TeamStands


class Channel:
    """Holds at most `size` events; when it is full, the writer waits, and whoever asks `has_room`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._events: deque[AgentEvent | TeamStands] = deque()
        self._ended = False
        self._readable = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, event: AgentEvent | TeamStands) -> None:
        """Add an event once there is room; after `end` it is dropped."""
        await self._room.wait()
        if self._ended:
            return
        self._events.append(event)
        self._readable.set()
        if len(self._events) >= self._size:
            self._room.clear()

    async def get(self) -> AgentEvent | TeamStands | None:
        """Return the next event, or None when the channel has ended and is read empty."""
        await self._readable.wait()
        if not self._events:
            return None
        event = self._events.popleft()
        self._room.set()
        if not self._events and not self._ended:
            self._readable.clear()
        return event

    async def has_room(self) -> None:
        """Wait until the reader has caught up."""
        await self._room.wait()

    def end(self, *, discard: bool = False) -> None:
        """Let the reader finish what is there, or nothing of it; writers no longer wait."""
        self._ended = True
        if discard:
            self._events.clear()
        self._readable.set()
        self._room.set()

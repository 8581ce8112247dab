"""The events of a run, as a function returns them."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Self

from shared.agents.events import AgentEvent
from shared.agents.wire.format import Wire


class RunStream:
    """The events of one run. Closing it ends a run that is not detached.

    Attributes:
        first_id: the number of the first event, where a stream is resumed.
        wire: the format in which the events leave, None for the service's own.
        is_absent: there is no such run, which a chat library is told by 204.
    """

    def __init__(
        self,
        events: AsyncGenerator[AgentEvent],
        close: Callable[[], Awaitable[None]] | None = None,
        *,
        first_id: int = 1,
        wire: Wire | None = None,
        is_absent: bool = False,
    ) -> None:
        self.is_absent = is_absent
        self.wire = wire
        self._events = events
        self._close = close
        self.first_id = first_id

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AgentEvent:
        return await anext(self._events)

    async def aclose(self) -> None:
        """End the run, whether or not it was ever read."""
        await self._events.aclose()
        if self._close is not None:
            await self._close()


async def nothing() -> AsyncGenerator[AgentEvent]:
    """Yield no event."""
    no_events: tuple[AgentEvent, ...] = ()
    for event in no_events:
        yield event

"""What is kept of one run, and the numbers of its events."""

import re
from collections.abc import AsyncGenerator
from typing import Protocol

from msgspec import Struct

from shared.agents.events import AgentEvent
from shared.agents.holder import Holder
from shared.errors import FieldError, Invalid

_EVENT_ID = re.compile(r"[0-9]{1,15}")


class RunEvents(Protocol):
    """Where the events of runs are kept."""

    def follow(self, holder: Holder, run_id: str, *, after: int = 0) -> AsyncGenerator[AgentEvent]:
        """Yield the events after number `after`, and then new ones, up to the last."""
        ...

    async def request_stop(self, holder: Holder, run_id: str) -> None:
        """Ask the replica that plays the run to end it."""
        ...


class RunRecord(Struct, frozen=True):
    """What is kept of one run.

    Attributes:
        store: where it is kept.
        holder: whose the run is, with the demands of its function.
        run_id: which run.
        last: the number of its newest event.
        has_ended: that event is its end.
    """

    store: RunEvents
    holder: Holder
    run_id: str
    last: int
    has_ended: bool

    def follow(self, after: int) -> AsyncGenerator[AgentEvent]:
        """Yield the events after number `after`, and then new ones, up to the last."""
        return self.store.follow(self.holder, self.run_id, after=after)

    async def request_stop(self) -> None:
        """Ask the replica that plays the run to end it.

        Raises:
            NotFound: the run is not under way.
        """
        await self.store.request_stop(self.holder, self.run_id)


def event_number(last_event_id: str | None) -> int:
    """Return the number of the last event that a reader has seen, from its `Last-Event-ID`; 0 for none.

    Raises:
        Invalid: it is not the number of an event.
    """
    if not last_event_id:
        return 0
    if not _EVENT_ID.fullmatch(last_event_id):
        raise Invalid(errors=(FieldError("header", "Last-Event-ID", "Expected an event number."),))
    return int(last_event_id)

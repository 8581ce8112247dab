"""What the readers of a run are told, whichever worker has it: one story, in which nothing is taken back."""

import logging
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from shared.agents.conversation.transcript import Turn
from shared.agents.detached.store import RunStore
from shared.agents.events import (
    AgentEvent,
    AgentMessage,
    CustomEvent,
    RunDone,
    RunFailed,
    TokenUsage,
    ToolCall,
    ToolResult,
)
from shared.agents.holder import Holder
from shared.agents.questions.continuation import Asked
from shared.agents.running.standing import Kept
from shared.agents.running.unfinished import UnfinishedMessages
from shared.errors import RunLost, Unavailable
from shared.work import RunTakenOver, SavedRun, Standby, StepTooLarge

log = logging.getLogger(__name__)

QUEUED_SECONDS = 3600.0
"""Seconds that a run may wait in the queue before its readers count it as lost."""

SILENT_SECONDS = 120.0
"""Seconds that a run may be without a worker: more than the queue takes to give it to another."""

TAKEN_UP = "taken_up"
"""The name of the event that says that another worker goes on from the last finished turn."""


class Progress(Struct, frozen=True, kw_only=True):
    """How far a run is, as it is saved.

    Attributes:
        turns: the conversation, with the question that its last message answers.
        asked: that question, whose continuation was redeemed once for all workers.
        state: the team as it stood after the last finished turn; None before that.
        usage: tokens up to there.
    """

    turns: tuple[Turn, ...]
    asked: Asked | None
    state: Any = None
    usage: TokenUsage = TokenUsage()

    def kept(self, run: SavedRun) -> Kept:
        """Return what outlives the process, saved in the queued run."""

        async def keep(state: object, usage: TokenUsage) -> None:
            try:
                await run.save(replace(self, state=state, usage=usage))
            except StepTooLarge:
                log.warning("a team is too large to be kept; its run cannot be taken up")
                await run.save(replace(self, state=None))

        return Kept(run_id=run.id, keep=keep, state=self.state, usage=self.usage)

    async def stood_by(self, standby: Standby | None, seconds: float) -> Kept | None:
        """Have a worker stand by for a new run; None where none can: it dies with its process."""
        if standby is None:
            return None
        try:
            run = await standby.begin(seconds)
            await run.save(self)
        except (Unavailable, RunTakenOver, StepTooLarge):
            log.warning("no worker stands by for an agent run: the queue does not keep it")
            return None
        return self.kept(run)


class Story:
    """What is told of one run.

    Attributes:
        told: the events that readers have, of the workers before this one.
    """

    def __init__(self, store: RunStore, holder: Holder, run_id: str) -> None:
        self.told: Sequence[AgentEvent] = ()
        self._store = store
        self._holder = holder
        self._run_id = run_id
        self._number = 0

    async def open(self) -> None:
        """Read what was told."""
        await self._store.begin(self._holder, self._run_id)
        self.told = await self._store.told(self._holder, self._run_id)
        self._number = len(self.told)

    @property
    def is_over(self) -> bool:
        """Whether the end was told."""
        return isinstance(self.told[-1], RunDone | RunFailed)

    def require(self, progress: Progress) -> None:
        """Check that the run can be taken up.

        Raises:
            RunLost: something was said by a team whose state nobody has.
        """
        if progress.state is None and any(isinstance(each, AgentMessage | ToolCall) for each in self.told):
            raise RunLost

    async def tell(self, event: AgentEvent) -> None:
        """Tell the next event.

        Raises:
            Unavailable: the store does not respond, or another worker has told it.
        """
        self._number += 1
        await self._store.append(self._holder, self._run_id, self._number, event)

    async def take_up(self) -> None:
        """End what the worker before began to tell: its pieces of messages and its calls."""
        for event in interrupted(self.told):
            await self.tell(event)


def interrupted(told: Sequence[AgentEvent]) -> list[AgentEvent]:
    """Return what ends the messages and calls that were begun, and says that another worker goes on."""
    unfinished = UnfinishedMessages()
    calls: dict[str, ToolCall] = {}
    for event in told:
        unfinished.note(event)
        if isinstance(event, ToolCall):
            calls[event.call_id] = event
        elif isinstance(event, ToolResult):
            calls.pop(event.call_id, None)
    if len(told) <= 1:
        return []
    results = [
        ToolResult(call_id=each.call_id, agent=each.agent, tool=each.tool, text="interrupted", failed=True)
        for each in calls.values()
    ]
    return [*unfinished.finished(), *results, CustomEvent(name=TAKEN_UP, agent="")]

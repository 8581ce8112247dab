"""One run of a team: its identity, its budget, its end.

Whatever ends a run early (the reader left, the deadline, a `DELETE`, shutdown), the steps are the same: no
further model call is admitted; the framework's own cancellation is triggered; the pump task is cancelled;
every task that the run left behind, found by the context it inherited, is cancelled. The steps have a task
of their own, so that cancelling a caller who waits for them does not interrupt them.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from contextvars import Context
from secrets import token_urlsafe
from typing import Protocol

from opentelemetry import trace
from opentelemetry.trace import StatusCode

from shared.agents.events import (
    AgentEvent,
    InputRequired,
    RunDone,
    RunStarted,
    TokenUsage,
)
from shared.agents.holder import Holder
from shared.agents.questions.question import PersonReply, Question
from shared.agents.running.channel import Channel
from shared.agents.running.ending import Ending, ending_name, last_event_of
from shared.agents.running.leftovers import Leftovers, mark, reap
from shared.agents.running.limits import Budget
from shared.agents.running.meters import Meters
from shared.agents.running.standing import Kept, TeamStands
from shared.agents.running.unfinished import UnfinishedMessages
from shared.errors import AnnexError, DeadlineExceeded, Internal

log = logging.getLogger(__name__)

STEP_TIMEOUT = 0.02
"""Seconds that each step of the end gets before the next, more forceful one; four of them make 80 ms."""

MAX_UNREAD = 64
"""Unread events after which the team waits for its reader."""

MAX_REFUSED_CALLS = 20
"""Model calls after the run's end until the team is stopped: it may have no end of its own."""

type Play = Callable[["TeamRun"], AsyncGenerator[AgentEvent]]


class RunOver(Exception):
    """A model call or a tool call was not admitted, because the run is over."""


class RunOwner(Protocol):
    """What a run needs of the object that started it."""

    meters: Meters
    leftovers: Leftovers

    def question(self, run: "TeamRun", question: Question) -> InputRequired:
        """Return the event that puts a question to the person."""
        ...

    async def settle(self, run: "TeamRun") -> None:
        """Note how the run ended, before its reader learns it; called once."""
        ...

    def forget(self, run: "TeamRun") -> None:
        """Note that nothing of the run is left; called once."""
        ...


class TeamRun:
    """Plays a team into a bounded channel.

    Args:
        play: makes the team's events; its generator is closed in every case.
        holder: whose it is.
        team: names spans and metrics.
        budget: what the run may use up.
        owner: asks its questions and notes its end.
        reasoning: the reader gets what models think, too.
        reply: what the person replied to the question of an earlier run.
        kept: what outlives this process, None for a run that does not.

    Attributes:
        question: what the run asks the person at its end, None for nothing.
    """

    def __init__(  # noqa: PLR0913  what one run has
        self,
        play: Play,
        *,
        holder: Holder,
        team: str,
        budget: Budget,
        owner: RunOwner,
        reasoning: bool = False,
        reply: PersonReply | None = None,
        kept: Kept | None = None,
    ) -> None:
        self.kept = kept
        self.reply = reply
        self.question: Question | None = None
        self.reasoning = reasoning
        self.id = f"run_{token_urlsafe(16)}" if kept is None else kept.run_id
        self.holder = holder
        self.team = team
        self.budget = budget
        self.meters = owner.meters
        self.usage = TokenUsage() if kept is None else kept.usage
        self.ending: Ending | None = None
        self.halted = False
        self._refused_calls = 0
        self._play = play
        self._owner = owner
        self._channel = Channel(MAX_UNREAD)
        self._stoppers: list[Callable[[], None]] = []
        self._pumping: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def start(self, context: Context) -> None:
        """Begin to play, in a copy of `context`, and to count the time."""
        context = context.copy()
        self.meters.active.add(1)
        mark(context, self)
        self._pumping = asyncio.create_task(self._pump(), context=context, name=f"agents {self.id}")
        self._deadline = asyncio.get_running_loop().call_later(
            self.budget.seconds, self.stop, DeadlineExceeded("The run exceeded its time budget.")
        )

    async def events(self) -> AsyncGenerator[AgentEvent]:
        """Yield the team's events, then exactly one `RunDone` or `RunFailed`; call it once.

        An unfinished message is finished with what was written of it, unless the run failed.
        """
        unfinished = UnfinishedMessages()
        try:
            yield RunStarted(run_id=self.id)
            while (event := await self._channel.get()) is not None:
                if isinstance(event, TeamStands):  # the reader has everything before it
                    await event.keep()
                    continue
                unfinished.note(event)
                yield event
            await self.close()
            last_event = last_event_of(self.ending, self.usage)
            if isinstance(last_event, RunDone):
                for message in unfinished.finished():
                    yield message
            if self.question is not None:
                yield self._owner.question(self, self.question)
            yield last_event
        finally:
            await self.close()

    def stop(self, ending: Ending) -> None:
        """End the run now, from outside, and return at once.

        What the reader has not yet read is dropped, unless the team had already finished.
        """
        has_spoken = self._pumping is not None and self._pumping.done()
        self.conclude(ending)
        self._channel.end(discard=not has_spoken)
        self._begin_closing()

    async def stand(self, state: object) -> None:
        """Keep the state of the team between two turns, once the reader has what was said before."""
        if self.kept is not None:
            await self._channel.put(TeamStands(self.kept, state, self.usage))

    def conclude(self, ending: Ending) -> None:
        """Let the team finish without another model call. The first ending stands."""
        if self.ending is None:
            self.ending = ending

    def ask(self, question: Question) -> None:
        """Have the run end with a question to the person. The first question stands."""
        if self.ending is None:
            self.question = question
        self.conclude("input_required")

    def take_approval(self, digest: str) -> bool | None:
        """Return whether the person has approved a call, once; None when they have not been asked."""
        if self.reply is None or not digest or self.reply.digest != digest:
            return None
        approved, self.reply = self.reply.approved, None
        return approved

    def on_stop(self, stopper: Callable[[], None]) -> None:
        """Have `stopper` (the framework's own cancellation) called when the run is ended early."""
        self._stoppers.append(stopper)

    async def admit_model_call(self) -> None:
        """Wait until the reader has caught up and the next model call is allowed.

        Raises:
            RunOver: the run was ended, from outside or because its tokens are used up.
        """
        await self._channel.has_room()
        if self.usage.total >= self.budget.tokens:
            self.conclude("token_limit")
        if self.halted or self.ending is not None:
            self._refused_calls += 1
            if self._refused_calls > MAX_REFUSED_CALLS:
                self._begin_closing()
            raise RunOver

    async def pace(self) -> None:
        """Hold back while the reader is behind; called for every piece that a model sends."""
        await asyncio.sleep(0)
        await self._channel.has_room()

    def spend(self, input_tokens: int, output_tokens: int) -> None:
        """Count the tokens of one model call."""
        self.usage = TokenUsage(
            input_tokens=self.usage.input_tokens + input_tokens,
            output_tokens=self.usage.output_tokens + output_tokens,
        )

    async def close(self) -> None:
        """End the run and everything it left; idempotent. Goes on even when the caller is cancelled."""
        await asyncio.shield(self._begin_closing())

    async def _pump(self) -> None:
        with trace.get_tracer(__name__).start_as_current_span(
            f"invoke_workflow {self.team}",
            attributes={"gen_ai.operation.name": "invoke_workflow", "annex.run.id": self.id},
        ) as span:
            try:
                async with contextlib.aclosing(self._play(self)) as events:
                    async for event in events:
                        await self._channel.put(event)
                self.conclude("completed")
            except AnnexError as error:
                self.conclude(error)
            except Exception:
                if self.ending is None:
                    log.exception("agent run failed", extra={"run_id": self.id, "team": self.team})
                    self.conclude(Internal())
            finally:
                self._channel.end()
                span.set_attribute("annex.run.ending", ending_name(self.ending))
                if isinstance(self.ending, AnnexError):
                    span.set_attribute("error.type", ending_name(self.ending))
                    span.set_status(StatusCode.ERROR)
                span.set_attribute("gen_ai.usage.input_tokens", self.usage.input_tokens)
                span.set_attribute("gen_ai.usage.output_tokens", self.usage.output_tokens)

    def _begin_closing(self) -> asyncio.Task[None]:
        if self._closing is None:
            # In a clean context: the clean-up after the request must not cancel it.
            self._closing = asyncio.create_task(
                self._tear_down(), name=f"closing {self.id}", context=Context()
            )
        return self._closing

    async def _tear_down(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self.conclude("cancelled" if self._pumping and not self._pumping.done() else "completed")
        self.halted = True
        self._channel.end()
        try:
            await self._take_down()
            await self._owner.settle(self)
        finally:
            self._owner.forget(self)

    async def _take_down(self) -> None:
        begun = await self._owner.leftovers.of(self)
        for stopper in self._stoppers:
            stopper()
        if self._pumping is not None:
            await asyncio.wait({self._pumping}, timeout=STEP_TIMEOUT)
            self._pumping.cancel()
            await asyncio.wait({self._pumping}, timeout=STEP_TIMEOUT)
            self.meters.active.add(-1)
            self.meters.runs.add(
                1, {"annex.agent.team": self.team, "annex.run.ending": ending_name(self.ending)}
            )
        left = await reap(begun | await self._owner.leftovers.of(self), step=STEP_TIMEOUT)
        if left:
            log.error("agent run left tasks that do not end", extra={"run_id": self.id, "tasks": len(left)})

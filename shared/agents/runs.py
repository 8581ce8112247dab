"""All agent runs of this process: the object that functions are given."""

import asyncio
import contextlib
import weakref
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from contextvars import copy_context
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

import msgspec
from msgspec import Struct
from opentelemetry import trace
from opentelemetry.metrics import MeterProvider

from shared.agents.conversation.transcript import Conversation, Turn
from shared.agents.detached.runs import DetachedRuns
from shared.agents.detached.store import RunStore
from shared.agents.detached.story import QUEUED_SECONDS, SILENT_SECONDS, Progress, Story
from shared.agents.events import AgentEvent, AgentMessage, InputRequired, TokenUsage
from shared.agents.framework import Loading
from shared.agents.holder import Holder, Permits
from shared.agents.played import close, played
from shared.agents.questions.continuation import Asked, Continuations
from shared.agents.questions.question import PersonReply, Question
from shared.agents.questions.questions import Questions
from shared.agents.questions.spent import SpentInProcess
from shared.agents.running.ending import last_event_of
from shared.agents.running.leftovers import Leftovers
from shared.agents.running.limits import Budget, RunLimits
from shared.agents.running.meters import Meters
from shared.agents.running.run import Play, TeamRun
from shared.agents.running.standing import Kept
from shared.agents.settings import ModelSettings
from shared.agents.silence import silence
from shared.agents.stream import RunStream, nothing
from shared.agents.team import Agent, BuiltTeam, Team
from shared.agents.wire.ui_messages import ui_message_stream
from shared.errors import AnnexError, Conflict, Invalid, ModelUnavailable, NotFound, RunLost, Unavailable
from shared.identity import User
from shared.secret import Secret
from shared.work import Call, Desk, Run, Standby

_DEFAULT_BUDGET = Budget()

type ChatFormat = Literal["ui-messages"]
type Build = Callable[[Any], Any]
type Speak = Callable[[Sequence[Turn], TeamRun], AsyncGenerator[AgentEvent]]


def _refuse(_user: User, _demands: str) -> bool:
    return False


class Agents:
    """Starts, finds and ends runs. Use it with `async with`.

    Args:
        models: the provider.
        limits: runs at once in this process.
        secret: signs continuations; the same for all replicas.
        store: where detached runs are kept; without one there are none.
        meter_provider: OpenTelemetry's own by default.
        permits: whether a caller meets demands that `under` was given; without it nobody does.
    """

    def __init__(
        self,
        models: ModelSettings,
        limits: RunLimits,
        *,
        secret: Secret,
        store: RunStore | None = None,
        meter_provider: MeterProvider | None = None,
        permits: Permits = _refuse,
    ) -> None:
        self._demands = ""
        self._permits = permits
        self._desk: Desk | None = None
        self._call: Call | None = None
        self._limits = limits
        self.meters = Meters(meter_provider)
        self.leftovers = Leftovers()
        self._is_entered = False
        self._running: dict[str, TeamRun] = {}
        spent = SpentInProcess() if store is None else store.spent
        self._questions = Questions(Continuations(secret, spent), permits)
        self._detached = DetachedRuns(store, self._running, permits)
        self._framework = Loading(models)

    async def __aenter__(self) -> Self:
        if self._is_entered:
            # Its end would stop the runs of every other call.
            raise RuntimeError(
                "The service opens and closes `Agents`. Call `agents.run(...)` or `agents.answer(...)`."
            )
        self._is_entered = True
        silence()
        self._detached.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._detached.hand_over()
        runs = list(self._running.values())
        for run in runs:
            run.stop(Unavailable("The service is shutting down; start the run again."))
        await asyncio.gather(*(run.close() for run in runs))
        await self._detached.close()
        await self._framework.close()

    def under(self, demands: str, *, desk: Desk | None = None, call: Call | None = None) -> Self:
        """Return the same agents for one call of a function.

        Args:
            demands: what it asks of its callers: only who meets them too reads, ends or continues the runs
                that are begun with these.
            desk: knows queued work, for `follow`.
            call: this call, where it can be made again for a run that its process left behind.
        """
        view = copy(self)
        view._demands, view._desk, view._call = demands, desk, call  # noqa: SLF001  a copy of this object
        return view

    async def run(  # noqa: PLR0913  the options of one run
        self,
        team: Team | Build,
        conversation: Conversation,
        *,
        user: User,
        name: str | None = None,
        replay: Path | None = None,
        budget: Budget = _DEFAULT_BUDGET,
        detach: bool = False,
        reasoning: bool = False,
    ) -> RunStream:
        """Start a run and return its events.

        Args:
            team: who speaks: the short form, or a function that makes any team or agent of AutoGen from the
                run's `shared.agents.autogen.Parts`; it may be `async`.
            conversation: what was said so far; with its continuation, when it answers a question.
            user: the caller, who owns the run.
            name: names the run in spans and metrics, for a team that a function makes; its name by default.
            replay: recorded replies for such a team, as `Team.replay`.
            budget: what it may use up.
            detach: let it go on when the caller leaves, for `resume`, and after the death of its process, as
                `work` does: a worker calls the function again, with the same request, to play on.
            reasoning: let the reader have what models think before they speak, as events of their own.

        Raises:
            TooManyRuns: the caller, or the process, has as many under way as allowed.
            AgentsUnavailable: no such model, no adapter, or no store for a detached run.
            Invalid: the continuation is not valid.
            Conflict: the continuation was used before.
            ModelUnavailable: the provider failed; the last event says so.
            RunLost: the server of a detached run is gone; the last event says so.
        """
        standby = None
        if detach:
            store = self._detached.require()
            if self._call is not None and (queued := self._call.taken_up()) is not None:
                holder = Holder.of(user, self._demands)
                if not await store.told(holder, queued.id):  # its caller had no answer, and asks again
                    return RunStream(nothing())
                await self.work(
                    team,
                    conversation,
                    queued,
                    user=user,
                    name=name,
                    replay=replay,
                    budget=budget,
                    reasoning=reasoning,
                )
                return RunStream(store.follow(holder, queued.id))
            standby = self._call.standby() if self._call is not None else None
        described = team if isinstance(team, Team) else BuiltTeam(name or team.__name__, team, replay)
        speak = await self._speaker(described)
        run = await self._admit(
            described.name, speak, conversation, user, budget, reasoning=reasoning, standby=standby
        )
        return await self._begin(run, conversation, detach=detach, standby=standby)

    async def work(  # noqa: PLR0913  the options of one run
        self,
        team: Team | Build,
        conversation: Conversation,
        run: Run,
        *,
        user: User,
        name: str | None = None,
        replay: Path | None = None,
        budget: Budget = _DEFAULT_BUDGET,
        reasoning: bool = False,
    ) -> None:
        """Play a team to its end in a `job`, for readers that `follow` or `resume` the run.

        The state of a team that stands between two turns (`Team`, `Parts.turns`) is kept: after the death of
        its worker another one goes on from there. A run of any other team of which something was heard ends
        with `run_lost`.

        Args:
            team: as in `run`.
            conversation: as in `run`.
            run: the queued run; readers know the agent run by its id.
            user: the caller, who owns it.
            name: as in `run`.
            replay: as in `run`.
            budget: what it may use up; its seconds begin anew with each worker.
            reasoning: as in `run`.

        Raises:
            AgentsUnavailable: no model, no adapter, or no store.
            TooManyRuns: as in `run`; the queue tries again.
            Unavailable: the store does not respond; likewise.
        """
        store = self._detached.require().lasting(SILENT_SECONDS)
        described = team if isinstance(team, Team) else BuiltTeam(name or team.__name__, team, replay)
        speak = await self._speaker(described)
        holder = Holder.of(user, self._demands)
        story = Story(store, holder, run.id)
        await story.open()
        if story.is_over:
            return
        self._limits.admit(user.user_id)
        try:
            progress = await self._progress(run, conversation, described.name, user, budget)
            story.require(progress)
        except (Invalid, Conflict, RunLost) as error:
            self._limits.release(user.user_id)
            await story.tell(last_event_of(error, TokenUsage()))
            return
        except BaseException:
            self._limits.release(user.user_id)
            raise
        playing = self._made(
            partial(speak, progress.turns),
            team=described.name,
            asked=progress.asked,
            approved=conversation.approved,
            holder=holder,
            budget=budget,
            reasoning=reasoning,
            kept=progress.kept(run),
        )
        await self._detached.work(playing, story, store)

    async def follow(self, run_id: str, conversation: Conversation, *, user: User) -> RunStream:
        """Return the events of a run that a job plays with `work`, from its beginning.

        Args:
            run_id: what `Jobs.enqueue` returned.
            conversation: decides in which format the events leave.
            user: the caller, who queued it.

        Raises:
            AgentsUnavailable: no store.
            NotFound: this user, in this organisation, has queued no such run.
            RunLost: the run could not be taken up; the last event says so.
        """
        store = self._detached.require()
        if self._desk is not None:
            await self._desk.find(user, run_id)
        holder = Holder.of(user, self._demands)
        await store.lasting(QUEUED_SECONDS).begin(holder, run_id)
        trace.get_current_span().set_attribute("annex.run.id", run_id)
        return RunStream(store.follow(holder, run_id), wire=conversation.wire())

    async def play(  # noqa: PLR0913  the options of one run
        self,
        events: AsyncIterable[AgentEvent],
        conversation: Conversation,
        *,
        user: User,
        name: str = "agents",
        budget: Budget = _DEFAULT_BUDGET,
        detach: bool = False,
        reasoning: bool = False,
    ) -> RunStream:
        """Start a run of what any framework says, and return its events.

        Args:
            events: what it says about the conversation, as events of `shared.agents`: messages and their
                pieces, reasoning, tool calls and results, `TokenUsage` of the run so far, `CustomEvent`; at
                last a `RunDone` where the reason of the end is not ``completed``. Iterated once, in the run's
                own task, and closed with the run.
            conversation: decides in which format the events leave.
            user: the caller, who owns the run.
            name: names the run in spans and metrics.
            budget: what it may use up: seconds always, messages and tokens as far as `events` tells them.
            detach: let it go on when the caller leaves, for `resume`.
            reasoning: let the reader have the reasoning.

        Raises:
            TooManyRuns: the caller, or the process, has as many under way as allowed.
            AgentsUnavailable: no store for a detached run.
            Invalid: the conversation has a continuation: such a run asks nothing that could be answered.
        """
        try:
            if detach:
                self._detached.require()
            run = await self._admit(
                name, lambda _, run: played(events, run), conversation, user, budget, reasoning=reasoning
            )
        except BaseException:
            await close(events)
            raise
        return await self._begin(run, conversation, detach=detach)

    async def answer[T: Struct](
        self,
        agent: Agent,
        conversation: Conversation,
        output: type[T],
        *,
        user: User,
        budget: Budget = _DEFAULT_BUDGET,
        replay: Path | None = None,
    ) -> T:
        """Run one agent to its end and return its structured output.

        Raises:
            TooManyRuns: the caller, or the process, has as many under way as allowed.
            AgentsUnavailable: no model or no adapter.
            Invalid: the continuation is not valid.
            Conflict: the continuation was used before.
            ModelUnavailable: the provider failed, or its answer does not fit `output`.
        """
        team = Team(agent.name, (msgspec.structs.replace(agent, output=output),), replay=replay)
        run = await self._admit(team.name, await self._speaker(team), conversation, user, budget)
        run.start(copy_context())
        data: Any = None
        async with contextlib.aclosing(RunStream(run.events(), run.close)) as events:
            async for event in events:
                if isinstance(event, AgentMessage) and event.data is not None:
                    data = event.data
        if isinstance(run.ending, AnnexError):
            raise run.ending
        if data is None:
            raise Unavailable(f"The agent gave no answer ({run.ending}).", retry_after=None)
        try:
            return msgspec.convert(data, output)
        except msgspec.ValidationError:
            raise ModelUnavailable("The model's answer does not match the requested type.") from None

    async def resume(
        self, run_id: str, *, user: User, after: int = 0, chat: ChatFormat | None = None
    ) -> RunStream:
        """Return the events of a detached run of this user that follow number `after`.

        In the format of a chat library, `chat`, all of them: such a message is read from its beginning.

        A reader who has the whole run gets its end again.

        Raises:
            NotFound: this user, in this organisation and with these permissions, has no such run, or its
                events are gone.
            ModelUnavailable: the provider failed; the last event says so.
            RunLost: the server of the run is gone; the last event says so.
        """
        record = await self._detached.find(run_id, user)
        trace.get_current_span().set_attribute("annex.run.id", run_id)
        if chat is not None:
            return RunStream(record.follow(0), wire=ui_message_stream())
        after = min(after, record.last - record.has_ended)
        return RunStream(record.follow(after), first_id=after + 1)

    async def reconnect(self, run_id: str, *, user: User) -> RunStream:
        """Return the events of a detached run of this user that is under way, for `useChat` that reconnects.

        From its beginning, in the format of the AI SDK. Where no such run is under way, the answer is 204.
        """
        try:
            record = await self._detached.find(run_id, user)
        except NotFound:
            return RunStream(nothing(), is_absent=True)
        if record.has_ended:
            return RunStream(nothing(), is_absent=True)
        trace.get_current_span().set_attribute("annex.run.id", run_id)
        return RunStream(record.follow(0), wire=ui_message_stream())

    async def stop(self, run_id: str, *, user: User) -> None:
        """End a run of this user now; its stream says `done` with ``cancelled``.

        Raises:
            NotFound: this user, in this organisation and with these permissions, has no such run under way.
        """
        run = self._running.get(run_id)
        if run is None:
            record = await self._detached.find(run_id, user)
            await record.request_stop()
        elif run.holder.admits(user, self._permits):
            run.stop("cancelled")
            await run.close()
        else:
            raise NotFound("agent run", run_id)

    def question(self, run: TeamRun, question: Question) -> InputRequired:
        """Return the event that puts a question to the person."""
        return self._questions.ask(run, question)

    async def settle(self, run: TeamRun) -> None:
        """Use up the continuation that a run began with, where it succeeded."""
        await self._questions.settle(run)

    def forget(self, run: TeamRun) -> None:
        """Release what a run had of the limits."""
        del self._running[run.id]
        self._limits.release(run.holder.user_id)

    async def _speaker(self, team: Team | BuiltTeam) -> Speak:
        """Return what makes a team's events.

        Raises:
            AgentsUnavailable: no model for it, or no adapter.
        """
        framework = await self._framework.load()
        framework.require(team)
        return partial(framework.play, team)

    async def _admit(  # noqa: PLR0913  the options of one run
        self,
        name: str,
        speak: Speak,
        conversation: Conversation,
        user: User,
        budget: Budget,
        *,
        reasoning: bool = False,
        standby: Standby | None = None,
    ) -> TeamRun:
        self._limits.admit(user.user_id)
        try:
            turns, asked = await self._questions.redeem(conversation, name, user, seconds=budget.seconds)
            kept = await Progress(turns=turns, asked=asked).stood_by(standby, budget.seconds)
        except BaseException:
            self._limits.release(user.user_id)
            raise
        holder = Holder.of(user, self._demands)
        return self._made(
            partial(speak, turns),
            team=name,
            asked=asked,
            approved=conversation.approved,
            holder=holder,
            budget=budget,
            reasoning=reasoning,
            kept=kept,
        )

    async def _progress(
        self, run: Run, conversation: Conversation, name: str, user: User, budget: Budget
    ) -> Progress:
        """Return how far a queued run is; the first worker redeems the answer that it begins with."""
        progress = await run.saved(Progress)
        if progress is None:
            turns, asked = await self._questions.redeem(conversation, name, user, seconds=budget.seconds)
            progress = Progress(turns=turns, asked=asked)
            await run.save(progress)
        return progress

    def _made(  # noqa: PLR0913  what one run has
        self,
        play: Play,
        *,
        team: str,
        asked: Asked | None,
        approved: bool | None,
        holder: Holder,
        budget: Budget,
        reasoning: bool,
        kept: Kept | None = None,
    ) -> TeamRun:
        reply = None
        if asked is not None:
            reply = PersonReply(agent=asked.agent, digest=asked.call, approved=approved)
        run = TeamRun(
            play,
            holder=holder,
            team=team,
            budget=budget,
            owner=self,
            reasoning=reasoning,
            reply=reply,
            kept=kept,
        )
        self._running[run.id] = run
        if asked is not None:
            self._questions.note(run, asked)
        trace.get_current_span().set_attribute("annex.run.id", run.id)
        return run

    async def _begin(
        self, run: TeamRun, conversation: Conversation, *, detach: bool, standby: Standby | None = None
    ) -> RunStream:
        if detach:
            if standby is not None and run.kept is not None:
                stream = await self._detached.start_stood_by(run, standby)
            else:
                stream = await self._detached.start(run)
            stream.wire = conversation.wire()
            return stream
        run.start(copy_context())
        stream = RunStream(run.events(), run.close, wire=conversation.wire())
        weakref.finalize(stream, _let_go, asyncio.get_running_loop(), run)
        return stream


def _let_go(loop: asyncio.AbstractEventLoop, run: TeamRun) -> None:
    """End the run of a stream that was lost before anybody read or closed it."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(run.stop, "cancelled")

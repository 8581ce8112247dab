"""All agent runs of this process: the object that functions are given."""

import asyncio
import contextlib
import logging
import weakref
from collections.abc import Callable
from contextvars import Context, copy_context
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec import Struct
from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.metrics import MeterProvider

from shared.agents.continuation import Asked, Continuations, SpentHere
from shared.agents.events import AgentMessage, InputRequired
from shared.agents.framework import Framework, Loading
from shared.agents.holder import Holder
from shared.agents.running.leftovers import Leftovers
from shared.agents.running.limits import Budget, RunLimits
from shared.agents.running.meters import Meters
from shared.agents.running.run import Run
from shared.agents.settings import ModelSettings
from shared.agents.silence import silence
from shared.agents.store import Record, RunStore
from shared.agents.stream import RunStream
from shared.agents.team import Agent, Team
from shared.agents.transcript import Conversation, Turn
from shared.errors import AgentsUnavailable, AnnexError, ModelUnavailable, NotFound, Unavailable
from shared.identity import User
from shared.secret import Secret

log = logging.getLogger(__name__)

_BUDGET = Budget()
_TEAR_DOWN = 10.0
"""Seconds in which a run whose time is used up is surely gone."""

type Permits = Callable[[User, str], bool]


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
        self._models = models
        self._limits = limits
        self._store = store
        self.meters = Meters(meter_provider)
        self.leftovers = Leftovers()
        self._continuations = Continuations(secret, store or SpentHere())
        self._is_entered = False
        self._running: dict[str, Run] = {}
        self._answering: dict[str, Asked] = {}
        self._recorders: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Task[None] | None = None
        self._framework = Loading(models)

    async def __aenter__(self) -> Self:
        if self._is_entered:
            # Its end would stop the runs of every other call.
            raise RuntimeError("The service owns the agents; call `agents.run(...)` or `agents.answer(...)`.")
        self._is_entered = True
        silence()
        if self._store is not None:
            self._listener = asyncio.create_task(self._obey(self._store), context=Context())
        return self

    async def __aexit__(self, *_: object) -> None:
        runs = list(self._running.values())
        for run in runs:
            run.stop(Unavailable("The service is shutting down; start the run again."))
        await asyncio.gather(*(run.close() for run in runs))
        await self._end_background()
        await self._framework.close()
        if self._store is not None:
            await self._store.close()

    def under(self, demands: str) -> Self:
        """Return the same agents for a function that asks `demands` of its callers.

        Only who meets them too reads, ends or continues the runs that are begun with these.
        """
        view = copy(self)
        view._demands = demands  # noqa: SLF001  a copy of this object
        return view

    async def run(
        self,
        team: Team,
        conversation: Conversation,
        *,
        user: User,
        budget: Budget = _BUDGET,
        detach: bool = False,
        reasoning: bool = False,
    ) -> RunStream:
        """Start a run and return its events.

        Args:
            team: who speaks.
            conversation: what was said so far; with its continuation, when it answers a question.
            user: the caller, who owns the run.
            budget: what it may use up.
            detach: let it go on when the caller leaves, for `resume`.
            reasoning: send what models think before they answer, as events of its own.

        Raises:
            TooManyRuns: the caller, or the process, has as many under way as it may.
            AgentsUnavailable: no model, no adapter, or no store for a detached run.
            Invalid: the continuation is not valid.
            Conflict: the continuation was used before.
        """
        if detach and self._store is None:
            raise AgentsUnavailable("Runs that outlive their connection need REDIS_URL.", retry_after=None)
        run = await self._admit(team, conversation, user, budget, reasoning=reasoning)
        if detach and self._store is not None:
            return await self._detached(run, self._store)
        run.start(copy_context())
        stream = RunStream(run.events(), run.close)
        weakref.finalize(stream, _let_go, asyncio.get_running_loop(), run)
        return stream

    async def answer[T: Struct](
        self,
        agent: Agent,
        conversation: Conversation,
        output: type[T],
        *,
        user: User,
        budget: Budget = _BUDGET,
        replay: Path | None = None,
    ) -> T:
        """Run one agent to its end and return its structured output.

        Raises:
            AnnexError: as `run`; or what the run broke off with.
        """
        team = Team(agent.name, (msgspec.structs.replace(agent, output=output),), replay=replay)
        run = await self._admit(team, conversation, user, budget)
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

    async def resume(self, run_id: str, *, user: User, after: int = 0) -> RunStream:
        """Return the events of a detached run of this user that follow number `after`.

        Whoever has read a run to its end, or further, gets its end again.

        Raises:
            NotFound: this user, in this organisation and with these permissions, has no such run, or its
                events are gone.
        """
        record = await self._record_of(run_id, user)
        trace.get_current_span().set_attribute("annex.run.id", run_id)
        after = min(after, record.last - record.has_ended)
        return RunStream(record.follow(after), first_id=after + 1)

    async def stop(self, run_id: str, *, user: User) -> None:
        """End a run of this user now; its stream says `done` with ``cancelled``.

        Raises:
            NotFound: this user, in this organisation and with these permissions, has no such run under way.
        """
        run = self._running.get(run_id)
        if run is None:
            record = await self._record_of(run_id, user)
            await record.request_stop()
        elif self._holds(user, run.holder):
            run.stop("cancelled")
            await run.close()
        else:
            raise NotFound("agent run", run_id)

    def question(self, run: Run, agent: str, text: str) -> InputRequired:
        """Return the event that puts an agent's question to the person, with the way back."""
        token, expires_at = self._continuations.issue(
            user_id=run.holder.user_id,
            organization_id=run.holder.organization_id,
            demands=run.holder.demands,
            team=run.team,
            run_id=run.id,
            agent=agent,
            question=text,
        )
        return InputRequired(agent=agent, question=text, continuation=token, expires_at=expires_at)

    async def settle(self, run: Run) -> None:
        """Use up the continuation that a run began with, if it succeeded; else it is good for another try."""
        asked = self._answering.pop(run.id, None)
        if asked is None:
            return
        has_failed = isinstance(run.ending, AnnexError) or run.ending == "cancelled"
        try:
            await self._continuations.settle(asked, is_used=not has_failed)
        except Unavailable:
            log.warning(
                "a continuation could not be marked as used: its store does not respond",
                extra={"run_id": run.id},
            )

    def forget(self, run: Run) -> None:
        """Give a run's place back."""
        del self._running[run.id]
        self._limits.release(run.holder.user_id)

    async def _admit(
        self, team: Team, conversation: Conversation, user: User, budget: Budget, *, reasoning: bool = False
    ) -> Run:
        framework = await self._load()
        framework.require(team)
        self._limits.admit(user.user_id)
        try:
            turns, asked = await self._continued(team, conversation, user, budget)
        except BaseException:
            self._limits.release(user.user_id)
            raise
        run = Run(
            lambda run: framework.play(team, turns, run),
            holder=Holder.of(user, self._demands),
            team=team.name,
            budget=budget,
            owner=self,
            reasoning=reasoning,
        )
        self._running[run.id] = run
        if asked is not None:
            self._answering[run.id] = asked
        trace.get_current_span().set_attribute("annex.run.id", run.id)
        return run

    async def _continued(
        self, team: Team, conversation: Conversation, user: User, budget: Budget
    ) -> tuple[tuple[Turn, ...], Asked | None]:
        """Return the turns with the question that the last of them answers, and what was asked."""
        turns = conversation.messages
        if conversation.continuation is None:
            return turns, None
        here = Holder.of(user)
        asked = await self._continuations.redeem(
            conversation.continuation,
            user_id=here.user_id,
            organization_id=here.organization_id,
            team=team.name,
            permits=partial(self._permits, user),
            seconds=budget.seconds + _TEAR_DOWN,
        )
        *before, answer = turns
        if before and before[-1].content == asked.question:
            return turns, asked
        return (*before, Turn(role="assistant", agent=asked.agent, content=asked.question), answer), asked

    def _holds(self, user: User, holder: Holder) -> bool:
        """Whether a run is this caller's, here and now."""
        if Holder.of(user, holder.demands) != holder:
            return False
        return not holder.demands or self._permits(user, holder.demands)

    async def _record_of(self, run_id: str, user: User) -> Record:
        """Return the record of a run that this caller holds.

        Raises:
            NotFound: there is none.
        """
        if self._store is not None:
            record = await self._store.find(Holder.of(user), run_id)
            if self._holds(user, record.holder):
                return record
        raise NotFound("agent run", run_id)

    async def _detached(self, run: Run, store: RunStore) -> RunStream:
        """Let a recorder read the run, and the caller read the record.

        Raises:
            Unavailable: the store takes no event; the run has ended.
        """
        clean = Context()  # of the request only the trace goes on: neither its deadline nor its clean-up
        clean.run(otel.attach, otel.get_current())
        run.start(clean)
        written = asyncio.get_running_loop().create_future()
        recorder = asyncio.create_task(self._record(run, store, written), context=clean)
        self._recorders.add(recorder)
        recorder.add_done_callback(self._recorders.discard)
        await written
        return RunStream(store.follow(run.holder, run.id))

    async def _record(self, run: Run, store: RunStore, written: asyncio.Future[None]) -> None:
        number = 0
        alive = asyncio.create_task(store.keep_alive(run.holder, run.id))
        try:
            async for event in run.events():
                number += 1
                await store.append(run.holder, run.id, number, event)
                if not written.done():
                    written.set_result(None)
        except Unavailable as error:
            if not written.done():
                written.set_exception(error)
            log.warning("agent run ended: its store does not respond", extra={"run_id": run.id})
        finally:
            alive.cancel()
            await run.close()
            if not written.done():
                written.set_result(None)
            with contextlib.suppress(Unavailable):
                await store.finish(run.holder, run.id)

    async def _obey(self, store: RunStore) -> None:
        """End the runs that other replicas were asked to end."""
        async for holder, run_id in store.stops():
            run = self._running.get(run_id)
            if run is not None and run.holder.name == holder:
                run.stop("cancelled")

    async def _end_background(self) -> None:
        """Let recorders write their last words, then end what is left."""
        if self._recorders:
            await asyncio.wait(self._recorders, timeout=1)
        left = {*self._recorders, *([self._listener] if self._listener else [])}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _load(self) -> Framework:
        return await self._framework.load()


def _let_go(loop: asyncio.AbstractEventLoop, run: Run) -> None:
    """End the run of a stream that was lost before anybody read or closed it."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(run.stop, "cancelled")

"""All agent runs of this process: the object that functions are given."""

import asyncio
import contextlib
import logging
import weakref
from contextvars import Context, copy_context
from pathlib import Path
from typing import Any, Self

import msgspec
from msgspec import Struct
from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.metrics import MeterProvider

from shared.agents.continuation import Continuations, SpentHere
from shared.agents.events import AgentMessage, InputRequired
from shared.agents.framework import Framework, load_autogen
from shared.agents.running.leftovers import Leftovers
from shared.agents.running.limits import Budget, RunLimits
from shared.agents.running.meters import Meters
from shared.agents.running.run import Run
from shared.agents.settings import ModelSettings
from shared.agents.store import RunStore
from shared.agents.stream import RunStream
from shared.agents.team import Agent, Team
from shared.agents.transcript import Conversation, Turn
from shared.errors import AgentsUnavailable, AnnexError, ModelUnavailable, NotFound, Unavailable
from shared.identity import User
from shared.secret import Secret

log = logging.getLogger(__name__)

_BUDGET = Budget()


class Agents:
    """Starts, finds and ends runs. Use it with `async with`.

    Args:
        models: the provider.
        limits: runs at once in this process.
        secret: signs continuations; the same for all replicas.
        store: where detached runs are kept; without one there are none.
        meter_provider: OpenTelemetry's own by default.
    """

    def __init__(
        self,
        models: ModelSettings,
        limits: RunLimits,
        *,
        secret: Secret,
        store: RunStore | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self._models = models
        self._limits = limits
        self._store = store
        self.meters = Meters(meter_provider)
        self.leftovers = Leftovers()
        self._continuations = Continuations(secret, store or SpentHere())
        self._is_entered = False
        self._running: dict[str, Run] = {}
        self._recorders: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Task[None] | None = None
        self._framework: asyncio.Task[Framework] | None = None

    async def __aenter__(self) -> Self:
        if self._is_entered:
            # Its end would stop the runs of every other call.
            raise RuntimeError(
                "The agents are the service's. Call `agents.run(...)` or `agents.answer(...)`."
            )
        self._is_entered = True
        if self._store is not None:
            self._listener = asyncio.create_task(self._obey(self._store), context=Context())
        return self

    async def __aexit__(self, *_: object) -> None:
        runs = list(self._running.values())
        for run in runs:
            run.stop(Unavailable("The service is shutting down; start the run again."))
        await asyncio.gather(*(run.close() for run in runs))
        await self._end_background()
        if self._framework is not None:
            with contextlib.suppress(AgentsUnavailable):
                await (await self._framework).close()
        if self._store is not None:
            await self._store.close()

    async def run(
        self,
        team: Team,
        conversation: Conversation,
        *,
        user: User,
        budget: Budget = _BUDGET,
        detach: bool = False,
    ) -> RunStream:
        """Start a run and return its events.

        Args:
            team: who speaks.
            conversation: what was said so far; with its continuation, when it answers a question.
            user: the caller, who owns the run.
            budget: what it may use up.
            detach: let it go on when the caller leaves, for `resume`.

        Raises:
            TooManyRuns: the caller, or the process, has as many under way as it may.
            AgentsUnavailable: no model, no adapter, or no store for a detached run.
            Invalid: the continuation is not valid.
            Conflict: the continuation was used before.
        """
        if detach and self._store is None:
            raise AgentsUnavailable("Runs that outlive their connection need REDIS_URL.", retry_after=None)
        run = await self._admit(team, conversation, user, budget)
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
                if isinstance(event, AgentMessage):
                    data = event.data
        if isinstance(run.ending, AnnexError):
            raise run.ending
        if data is None:
            raise Unavailable(f"The agent gave no answer ({run.ending}).", retry_after=None)
        try:
            return msgspec.convert(data, output)
        except msgspec.ValidationError:
            raise ModelUnavailable("The model's answer does not have the form it was asked for.") from None

    async def resume(self, run_id: str, *, user: User, after: int = 0) -> RunStream:
        """Return the events of a detached run of this user that follow number `after`.

        Raises:
            NotFound: there is no such run of this user, or its events are gone.
        """
        if self._store is None:
            raise NotFound("agent run", run_id)
        await self._store.require(user.user_id, run_id)
        trace.get_current_span().set_attribute("annex.run.id", run_id)
        return RunStream(self._store.follow(user.user_id, run_id, after=after), first_id=after + 1)

    async def stop(self, run_id: str, *, user: User) -> None:
        """End a run of this user now; its stream says `done` with ``cancelled``.

        Raises:
            NotFound: there is no such run of this user under way.
        """
        run = self._running.get(run_id)
        if run is not None and run.user_id == user.user_id:
            run.stop("cancelled")
            await run.close()
        elif run is None and self._store is not None:
            await self._store.request_stop(user.user_id, run_id)
        else:
            raise NotFound("agent run", run_id)

    def question(self, run: Run, agent: str, text: str) -> InputRequired:
        """Return the event that puts an agent's question to the person, with the way back."""
        token, expires_at = self._continuations.issue(
            user_id=run.user_id, team=run.team, run_id=run.id, agent=agent, question=text
        )
        return InputRequired(agent=agent, question=text, continuation=token, expires_at=expires_at)

    def forget(self, run: Run) -> None:
        """Give a run's place back."""
        del self._running[run.id]
        self._limits.release(run.user_id)

    async def _admit(self, team: Team, conversation: Conversation, user: User, budget: Budget) -> Run:
        framework = await self._load()
        framework.require(team)
        self._limits.admit(user.user_id)
        try:
            turns = await self._continued(team, conversation, user)
        except BaseException:
            self._limits.release(user.user_id)
            raise
        run = Run(
            lambda run: framework.play(team, turns, run),
            user_id=user.user_id,
            team=team.name,
            budget=budget,
            owner=self,
        )
        self._running[run.id] = run
        trace.get_current_span().set_attribute("annex.run.id", run.id)
        return run

    async def _continued(self, team: Team, conversation: Conversation, user: User) -> tuple[Turn, ...]:
        """Return the turns, with the question that the last of them answers."""
        turns = conversation.messages
        if conversation.continuation is None:
            return turns
        asked = await self._continuations.redeem(
            conversation.continuation, user_id=user.user_id, team=team.name
        )
        *before, answer = turns
        if before and before[-1].content == asked.question:
            return turns
        return (*before, Turn(role="assistant", agent=asked.agent, content=asked.question), answer)

    async def _detached(self, run: Run, store: RunStore) -> RunStream:
        """Let a recorder read the run, and the caller read the record."""
        clean = Context()  # of the request only the trace goes on: neither its deadline nor its clean-up
        clean.run(otel.attach, otel.get_current())
        run.start(clean)
        written = asyncio.Event()
        recorder = asyncio.create_task(self._record(run, store, written), context=clean)
        self._recorders.add(recorder)
        recorder.add_done_callback(self._recorders.discard)
        await written.wait()
        return RunStream(store.follow(run.user_id, run.id))

    async def _record(self, run: Run, store: RunStore, written: asyncio.Event) -> None:
        number = 0
        alive = asyncio.create_task(store.keep_alive(run.user_id, run.id))
        try:
            async for event in run.events():
                number += 1
                await store.append(run.user_id, run.id, number, event)
                written.set()
        except Unavailable:
            log.warning("agent run ended: its store does not answer", extra={"run_id": run.id})
        finally:
            alive.cancel()
            await run.close()
            written.set()
            with contextlib.suppress(Unavailable):
                await store.finish(run.user_id, run.id)

    async def _obey(self, store: RunStore) -> None:
        """End the runs that other replicas were asked to end."""
        async for user_id, run_id in store.stops():
            run = self._running.get(run_id)
            if run is not None and run.user_id == user_id:
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
        if self._framework is None or (self._framework.done() and self._framework.exception()):
            self._framework = asyncio.create_task(load_autogen(self._models), context=Context())
        return await asyncio.shield(self._framework)


def _let_go(loop: asyncio.AbstractEventLoop, run: Run) -> None:
    """End the run of a stream that was lost before anybody read or closed it."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(run.stop, "cancelled")

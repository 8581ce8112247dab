"""All agent runs of this process: the object that functions are given."""

import asyncio
import contextlib
import importlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

import msgspec
from msgspec import Struct

from shared.agents.events import AgentEvent, Error, Message
from shared.agents.limits import Budget, RunLimits
from shared.agents.run import Run
from shared.agents.settings import ModelSettings
from shared.agents.team import Agent, Team
from shared.agents.transcript import Conversation, Turn
from shared.errors import AgentsUnavailable, NotFound, Unavailable
from shared.identity import User

_BUDGET = Budget()


class Framework(Protocol):
    """What an adapter to an agent framework offers."""

    def play(self, team: Team, turns: Sequence[Turn], run: Run) -> AsyncGenerator[AgentEvent]:
        """Yield what the team says about the last of `turns`."""
        ...

    async def close(self) -> None:
        """Let go of what runs share."""
        ...


class Agents:
    """Starts, finds and ends runs. Use it with `async with`.

    Args:
        models: the provider.
        limits: runs at once.
    """

    def __init__(self, models: ModelSettings, limits: RunLimits) -> None:
        self._models = models
        self._limits = limits
        self._running: dict[str, Run] = {}
        self._framework: asyncio.Task[Framework] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        runs = list(self._running.values())
        for run in runs:
            run.stop(Unavailable("The service is shutting down; try again."))
        await asyncio.gather(*(run.close() for run in runs))
        if self._framework is not None:
            with contextlib.suppress(AgentsUnavailable):
                await (await self._framework).close()

    async def run(
        self, team: Team, conversation: Conversation, *, user: User, budget: Budget = _BUDGET
    ) -> AsyncIterator[AgentEvent]:
        """Yield the events of one run; closing the iterator ends the run.

        Raises:
            TooManyRuns: before the first event.
            AgentsUnavailable: before the first event.
        """
        run = await self._admit(team, conversation.messages, user, budget)
        async with contextlib.aclosing(run.events()) as events:
            async for event in events:
                yield event

    async def answer[T: Struct](
        self,
        agent: Agent,
        conversation: Conversation,
        output: type[T],
        *,
        user: User,
        budget: Budget = _BUDGET,
    ) -> T:
        """Run one agent to its end and return its structured output.

        Raises:
            TooManyRuns: as `run`.
            AgentsUnavailable: as `run`.
            Unavailable: the run broke off.
        """
        team = Team(agent.name, (msgspec.structs.replace(agent, output=output),))
        data: Any = None
        async for event in self.run(team, conversation, user=user, budget=budget):
            if isinstance(event, Message):
                data = event.data
            if isinstance(event, Error):
                raise Unavailable(event.detail)
        return msgspec.convert(data, output)

    def stop(self, run_id: str, *, user: User) -> None:
        """End a run of this user now; its stream says `done` with ``cancelled``.

        Raises:
            NotFound: there is no such run of this user.
        """
        run = self._running.get(run_id)
        if run is None or run.user_id != user.user_id:
            raise NotFound("agent run", run_id)
        run.stop("cancelled")

    async def _admit(self, team: Team, turns: Sequence[Turn], user: User, budget: Budget) -> Run:
        framework = await self._load()
        self._limits.admit(user.user_id)
        run = Run(
            lambda run: framework.play(team, turns, run),
            user_id=user.user_id,
            team=team.name,
            budget=budget,
            on_close=self._forget,
        )
        self._running[run.id] = run
        return run

    def _forget(self, run: Run) -> None:
        del self._running[run.id]
        self._limits.release(run.user_id)

    async def _load(self) -> Framework:
        """Import the adapter once, in a thread: it takes a second that the loop must not stand still for."""
        if self._framework is None or (self._framework.done() and self._framework.exception()):
            self._framework = asyncio.create_task(_autogen(self._models))
        return await asyncio.shield(self._framework)


async def _autogen(models: ModelSettings) -> Framework:
    try:
        await asyncio.to_thread(importlib.import_module, "shared.agents.autogen")
    except ImportError as error:
        raise AgentsUnavailable(
            f"Agents need the `agents` extra ({error.name} is not installed): uv sync --extra agents.",
            retry_after=None,
        ) from error
    from shared.agents.autogen import AutoGen, ModelClients

    return AutoGen(ModelClients(models), trace_messages=models.trace_messages)

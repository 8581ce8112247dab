"""What a run needs of an agent framework, and the loading of AutoGen."""

import asyncio
import importlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from contextvars import Context
from typing import Protocol

from shared.agents.conversation.transcript import Turn
from shared.agents.events import AgentEvent
from shared.agents.running.run import TeamRun
from shared.agents.settings import ModelSettings
from shared.agents.team import BuiltTeam, Team
from shared.errors import AgentsUnavailable


class Framework(Protocol):
    """What an adapter to an agent framework offers."""

    def require(self, team: Team | BuiltTeam) -> None:
        """Raise `AgentsUnavailable` when there is no model for this team, or for one of its agents."""
        ...

    def play(self, team: Team | BuiltTeam, turns: Sequence[Turn], run: TeamRun) -> AsyncGenerator[AgentEvent]:
        """Yield what the team says about the last of `turns`."""
        ...

    async def close(self) -> None:
        """Close what runs share."""
        ...


class Loading:
    """The framework of a process: loaded by the first run, used by all."""

    def __init__(self, models: ModelSettings) -> None:
        self._models = models
        self._task: asyncio.Task[Framework] | None = None

    async def load(self) -> Framework:
        """Return the framework; a load that failed is tried again.

        Raises:
            AgentsUnavailable: the extra is not installed.
        """
        if self._task is None or (self._task.done() and self._task.exception()):
            self._task = asyncio.create_task(load_autogen(self._models), context=Context())
        return await asyncio.shield(self._task)

    async def close(self) -> None:
        """Close what runs share, where there was a run."""
        if self._task is not None:
            with suppress(AgentsUnavailable):
                await (await self._task).close()


async def load_autogen(models: ModelSettings) -> Framework:
    """Import the adapter in a thread: it takes a second, in which the loop must not block.

    Raises:
        AgentsUnavailable: the extra is not installed.
    """
    try:
        await asyncio.to_thread(importlib.import_module, "shared.agents.autogen")
    except ImportError as error:
        raise AgentsUnavailable(
            f"Agents need the `agents` extra ({error.name} is not installed): uv sync --extra agents.",
            retry_after=None,
        ) from error
    from shared.agents.autogen import AutoGen, ModelClients

    return AutoGen(ModelClients(models), trace_messages=models.trace_messages)

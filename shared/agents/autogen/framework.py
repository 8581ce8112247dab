"""Plays a team with AutoGen: each run has its own team, built of its own parts; only clients are shared."""

import inspect
from collections.abc import AsyncGenerator, Sequence

from autogen_agentchat.base import ChatAgent
from autogen_agentchat.base import Team as AutoGenTeam
from autogen_core import CancellationToken

from shared.agents.autogen.building.parts import Parts
from shared.agents.autogen.building.share import Shares
from shared.agents.autogen.building.short_form import round_robin
from shared.agents.autogen.input import guard_input
from shared.agents.autogen.models.clients import ModelClients
from shared.agents.autogen.models.model_client import ModelClient
from shared.agents.autogen.playing import play, task_of
from shared.agents.conversation.transcript import Turn
from shared.agents.events import AgentEvent
from shared.agents.running.run import TeamRun
from shared.agents.silence import silence
from shared.agents.team import BuiltTeam, Team


class AutoGen:
    """Holds what runs share: the model clients and the limits of their tools.

    Args:
        clients: the process's model clients.
        trace_messages: whether spans may carry message text.
    """

    def __init__(self, clients: ModelClients, *, trace_messages: bool = False) -> None:
        self._clients = clients
        self._trace_messages = trace_messages
        self._shares = Shares()
        silence()
        guard_input()

    def require(self, team: Team | BuiltTeam) -> None:
        """Raise `AgentsUnavailable` when there is no model for this team, or for one of its agents."""
        members = team.agents if isinstance(team, Team) else ()
        for name in {None, *(member.model for member in members)}:
            self._clients.client(team, name)

    async def play(
        self, team: Team | BuiltTeam, turns: Sequence[Turn], run: TeamRun
    ) -> AsyncGenerator[AgentEvent]:
        """Yield what the team says about the last of `turns`.

        Raises:
            AnnexError: the run failed for a reason the caller may know.
            FrameworkFailed: AutoGen failed; carries no message text.
            TypeError: the function that builds the team returned something else.
        """
        token = CancellationToken()
        run.on_stop(token.cancel)
        share, default = self._shares.share(), self._clients.client(team)

        def model_of(name: str | None) -> ModelClient:
            return default if name is None else self._clients.client(team, name)

        async with Parts(run, model_of, share, turns[:-1], trace_messages=self._trace_messages) as parts:
            runner = await _built(team, run, parts)
            task = task_of(runner, turns[-1], run.reply)
            events = play(
                runner,
                task,
                run,
                parts.asides,
                token,
                standing=parts.standing,
                trace_messages=self._trace_messages,
            )
            async for event in events:
                yield event

    async def close(self) -> None:
        """Close the clients."""
        await self._clients.close()


async def _built(team: Team | BuiltTeam, run: TeamRun, parts: Parts) -> ChatAgent | AutoGenTeam:
    if isinstance(team, Team):
        return round_robin(team, run, parts)
    built = team.build(parts)
    runner = await built if inspect.isawaitable(built) else built
    if not isinstance(runner, ChatAgent | AutoGenTeam):
        raise TypeError(
            f"{team.name} returned a {type(runner).__name__}; return a team or an agent of autogen_agentchat"
        )
    return runner

"""A team that stands after every turn, so that its state can be kept and another worker goes on from it."""

from collections.abc import Sequence
from typing import Any

from autogen_agentchat.base import TaskResult, Team, TerminationCondition
from autogen_agentchat.messages import (
    BaseAgentEvent,
    BaseChatMessage,
    MessageFactory,
    StopMessage,
    StructuredMessage,
    TextMessage,
)
from autogen_agentchat.teams import GraphFlow, RoundRobinGroupChat, SelectorGroupChat, Swarm

STANDS = "The team stands between two turns."
RESUMABLE = (RoundRobinGroupChat, SelectorGroupChat, Swarm, GraphFlow)
"""The teams of AutoGen that go on from a state; the others begin anew with each task."""


class Turns(TerminationCondition):
    """Ends a team after each turn, and at last as another condition says.

    AutoGen's state is consistent only while the team does not run. Every stop resets the conditions of a
    team, and none of them is part of its state: so the other one is kept from being reset, and a new one is
    told what this one was told.

    Args:
        end: ends the team for good.

    Attributes:
        is_on: whether to end it after each turn.
        heard: what the other condition was told.
    """

    def __init__(self, end: TerminationCondition) -> None:
        self.is_on = False
        self.heard: list[list[Any]] = []
        self._end = end
        self._is_pause = False

    @property
    def terminated(self) -> bool:
        """Whether the team has ended for good."""
        return self._end.terminated

    async def __call__(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> StopMessage | None:
        """Tell the other condition, and end the turn where it does not end the team."""
        ended = await self._end(messages)
        if ended is not None or not self.is_on:
            return ended
        self.heard.append([_dumped(message) for message in messages])
        if not any(isinstance(each, BaseChatMessage) and each.source != "user" for each in messages):
            return None  # the task
        self._is_pause = True
        return StopMessage(content=STANDS, source="run")

    async def reset(self) -> None:
        """Reset the other condition, where the team has ended for good."""
        if not self._is_pause:
            await self._end.reset()
        self._is_pause = False

    async def state(self, runner: Team) -> dict[str, Any]:
        """Return what another worker needs to go on."""
        return {"team": await runner.save_state(), "heard": self.heard}

    async def restore(self, runner: Team, state: dict[str, Any]) -> None:
        """Put a new team where another one stood."""
        await runner.load_state(state["team"])
        factory = MessageFactory()
        self.heard = state["heard"]
        for messages in self.heard:
            await self._end([factory.create(message) for message in messages])


def is_pause(result: TaskResult) -> bool:
    """Whether a team has stopped between two turns."""
    return result.stop_reason == STANDS


def _dumped(message: BaseAgentEvent | BaseChatMessage) -> Any:
    """Return a message as its text where its type is the team's own."""
    if isinstance(message, StructuredMessage) or not MessageFactory().is_registered(type(message)):
        message = TextMessage(
            content=message.to_text(), source=message.source, models_usage=message.models_usage
        )
    return message.model_dump(mode="json")

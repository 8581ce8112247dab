"""The short form of a team, made of the parts that every team is made of."""

from collections.abc import Sequence
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.base import TerminationCondition
from autogen_agentchat.messages import BaseAgentEvent, BaseChatMessage, StopMessage, StructuredMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core.model_context import UnboundedChatCompletionContext
from autogen_core.models import AssistantMessage, LLMMessage, UserMessage
from autogen_core.tools import BaseTool
from pydantic import BaseModel

from shared.agents.autogen.building.output import pydantic_model
from shared.agents.autogen.building.parts import Parts
from shared.agents.characters import whole
from shared.agents.conversation.transcript import Turn
from shared.agents.running.run import TeamRun
from shared.agents.team import Agent, Team
from shared.agents.tool import Tool


def round_robin(team: Team, run: TeamRun, parts: Parts) -> RoundRobinGroupChat:
    """Return the group chat in which the agents of `team` speak in turn."""
    forms = {agent.name: pydantic_model(agent.output) for agent in team.agents if agent.output}
    return RoundRobinGroupChat(
        [_member(agent, forms.get(agent.name), parts) for agent in team.agents],
        termination_condition=parts.turns(_Ending(team, run)),
        runtime=parts.runtime,
        custom_message_types=[StructuredMessage[form] for form in forms.values()],  # type: ignore[valid-type]  # made at run time
    )


def _member(agent: Agent, form: type[BaseModel] | None, parts: Parts) -> AssistantAgent:
    tools: list[BaseTool[Any, Any] | Tool] = [parts.tool(function) for function in agent.tools]
    tools += [parts.tool(function, approval=True) for function in agent.approve]
    if agent.may_ask:
        tools.append(parts.question_tool(agent.name))
    return AssistantAgent(
        agent.name,
        parts.model(agent.model, remembers=False),  # its context does
        tools=tools or None,
        model_context=UnboundedChatCompletionContext([_remembered(turn, agent) for turn in parts.past]),
        description=agent.name,
        system_message=agent.instructions,
        model_client_stream=True,
        reflect_on_tool_use=True,
        max_tool_iterations=agent.tool_rounds,
        output_content_type=form,
    )


class _Ending(TerminationCondition):
    """Ends the group chat when the run is over, when the text is said, or after the last turn."""

    def __init__(self, team: Team, run: TeamRun) -> None:
        self._team = team
        self._run = run
        self._turns_left = team.max_turns if len(team.agents) > 1 else 1

    @property
    def terminated(self) -> bool:
        return False

    async def __call__(self, messages: Sequence[BaseAgentEvent | BaseChatMessage]) -> StopMessage | None:
        said = [message for message in messages if isinstance(message, BaseChatMessage)]
        if not said or said[-1].source == "user":  # the task
            return None
        self._turns_left -= 1
        if self._team.until and self._team.until in said[-1].to_text():
            self._run.conclude("completed")
        elif self._turns_left == 0:
            self._run.conclude("turn_limit" if self._team.until else "completed")
        return StopMessage(content="over", source="run") if self._run.ending is not None else None

    async def reset(self) -> None:
        """Nothing to reset: an ending belongs to one run."""


def _remembered(turn: Turn, agent: Agent) -> LLMMessage:
    if turn.role == "assistant" and turn.agent in {None, agent.name}:
        return AssistantMessage(content=whole(turn.content), source=agent.name)
    return UserMessage(content=whole(turn.content), source=turn.agent or turn.role)

"""A team that is a member of a team."""

from collections.abc import AsyncIterator

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat

from runtime import Function, User
from shared.agents import AgentEvent, Agents, Conversation
from shared.agents.autogen import Parts

config = Function(timeout=300)


def team(parts: Parts) -> RoundRobinGroupChat:
    """Build the team of one run."""
    model = parts.model()
    analyst = AssistantAgent("analyst", model, model_client_stream=True)
    desk = RoundRobinGroupChat([analyst], max_turns=1, name="desk")
    critic = AssistantAgent("critic", model, model_client_stream=True)
    return RoundRobinGroupChat([desk, critic], termination_condition=MaxMessageTermination(3))


async def post(data: Conversation, agents: Agents, user: User) -> AsyncIterator[AgentEvent]:
    """Discuss a question."""
    return await agents.run(team, data, user=user)

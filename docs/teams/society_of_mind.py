"""A team that speaks with one voice."""

from collections.abc import AsyncIterator

from autogen_agentchat.agents import AssistantAgent, SocietyOfMindAgent
from autogen_agentchat.teams import RoundRobinGroupChat

from runtime import Function, User
from shared.agents import AgentEvent, Agents, Conversation
from shared.agents.autogen import Parts

config = Function(timeout=300)


def team(parts: Parts) -> SocietyOfMindAgent:
    """Build the agent of one run."""
    model = parts.model()
    analyst = AssistantAgent("analyst", model, model_client_stream=True)
    critic = AssistantAgent("critic", model, model_client_stream=True)
    inner = RoundRobinGroupChat([analyst, critic], max_turns=2)
    return SocietyOfMindAgent("society", inner, model)


async def post(data: Conversation, agents: Agents, user: User) -> AsyncIterator[AgentEvent]:
    """Ask the society."""
    return await agents.run(team, data, user=user)

"""A model chooses who speaks next."""

from collections.abc import AsyncIterator

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import SelectorGroupChat

from runtime import Function, User
from shared.agents import AgentEvent, Agents, Conversation
from shared.agents.autogen import Parts

config = Function(timeout=300)


def team(parts: Parts) -> SelectorGroupChat:
    """Build the team of one run."""
    model = parts.model()
    analyst = AssistantAgent("analyst", model, description="reads prices", model_client_stream=True)
    critic = AssistantAgent("critic", model, description="doubts", model_client_stream=True)
    return SelectorGroupChat([analyst, critic], model, termination_condition=MaxMessageTermination(3))


async def post(data: Conversation, agents: Agents, user: User) -> AsyncIterator[AgentEvent]:
    """Discuss a question."""
    return await agents.run(team, data, user=user)

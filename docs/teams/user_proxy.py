"""A team with a person in it: at the person's turn the run ends with a question."""

from collections.abc import AsyncIterator

from autogen_agentchat.agents import AssistantAgent, UserProxyAgent
from autogen_agentchat.teams import RoundRobinGroupChat

from runtime import Function, User
from shared.agents import AgentEvent, Agents, Conversation
from shared.agents.autogen import Parts

config = Function(timeout=300)


def team(parts: Parts) -> RoundRobinGroupChat:
    """Build the team of one run."""
    analyst = AssistantAgent("analyst", parts.model(), model_client_stream=True)
    return RoundRobinGroupChat([analyst, UserProxyAgent("person")])


async def post(data: Conversation, agents: Agents, user: User) -> AsyncIterator[AgentEvent]:
    """Talk to the analyst."""
    return await agents.run(team, data, user=user)

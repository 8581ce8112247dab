"""A desk that hands over to a trader, who hands over to the person."""

from collections.abc import AsyncIterator

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import HandoffTermination, TextMentionTermination
from autogen_agentchat.teams import Swarm

from runtime import Function, User
from shared.agents import AgentEvent, Agents, Conversation
from shared.agents.autogen import Parts

config = Function(timeout=300)


def team(parts: Parts) -> Swarm:
    """Build the team of one run."""
    model = parts.model()
    desk = AssistantAgent("desk", model, handoffs=["trader"], model_client_stream=True)
    trader = AssistantAgent("trader", model, handoffs=["user"], model_client_stream=True)
    end = HandoffTermination("user") | TextMentionTermination("BOUGHT")
    return Swarm([desk, trader], termination_condition=end)


async def post(data: Conversation, agents: Agents, user: User) -> AsyncIterator[AgentEvent]:
    """Talk to the desk."""
    return await agents.run(team, data, user=user)

"""An orchestrator that plans, and keeps a ledger of what its agent did."""

from collections.abc import AsyncIterator

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.teams import MagenticOneGroupChat

from runtime import Function, User
from shared.agents import AgentEvent, Agents, Conversation
from shared.agents.autogen import Parts

config = Function(timeout=300)


def team(parts: Parts) -> MagenticOneGroupChat:
    """Build the team of one run."""
    model = parts.model()
    analyst = AssistantAgent("analyst", model, description="reads prices", model_client_stream=True)
    return MagenticOneGroupChat([analyst], model, max_turns=10)


async def post(data: Conversation, agents: Agents, user: User) -> AsyncIterator[AgentEvent]:
    """Have a task done."""
    return await agents.run(team, data, user=user)

"""A seller whose every sale the person approves."""

from collections.abc import AsyncIterator

from autogen_agentchat.agents import AssistantAgent

from runtime import Function, User
from shared.agents import AgentEvent, Agents, Conversation
from shared.agents.autogen import Parts

config = Function(timeout=300)


async def sell(shares: int) -> str:
    """Sell shares."""
    return f"sold {shares}"


def team(parts: Parts) -> AssistantAgent:
    """Build the agent of one run."""
    return AssistantAgent(
        "seller",
        parts.model(),
        tools=[parts.tool(sell, approval=True)],
        max_tool_iterations=2,
        model_client_stream=True,
    )


async def post(data: Conversation, agents: Agents, user: User) -> AsyncIterator[AgentEvent]:
    """Have shares sold."""
    return await agents.run(team, data, user=user)

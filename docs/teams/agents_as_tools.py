"""A chief who calls a writer as a tool."""

from collections.abc import AsyncIterator

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.tools import AgentTool

from runtime import Function, User
from shared.agents import AgentEvent, Agents, Conversation
from shared.agents.autogen import Parts

config = Function(timeout=300)


def team(parts: Parts) -> AssistantAgent:
    """Build the agent of one run."""
    model = parts.model()
    writer = AssistantAgent("writer", model, description="writes", model_client_stream=True)
    return AssistantAgent(
        "chief", model, tools=[AgentTool(writer)], max_tool_iterations=3, model_client_stream=True
    )


async def post(data: Conversation, agents: Agents, user: User) -> AsyncIterator[AgentEvent]:
    """Ask the chief."""
    return await agents.run(team, data, user=user)

"""A reader, then two writers at once, then an editor."""

from collections.abc import AsyncIterator

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.teams import DiGraphBuilder, GraphFlow

from runtime import Function, User
from shared.agents import AgentEvent, Agents, Conversation
from shared.agents.autogen import Parts

config = Function(timeout=300)


def team(parts: Parts) -> GraphFlow:
    """Build the team of one run."""
    model = parts.model()
    reader, left, right, editor = members = [
        AssistantAgent(name, model, model_client_stream=True)
        for name in ("reader", "left", "right", "editor")
    ]
    graph = DiGraphBuilder()
    for member in members:
        graph.add_node(member)
    graph.add_edge(reader, left).add_edge(reader, right).add_edge(left, editor).add_edge(right, editor)
    return GraphFlow([*members], graph.build())


async def post(data: Conversation, agents: Agents, user: User) -> AsyncIterator[AgentEvent]:
    """Have a text written."""
    return await agents.run(team, data, user=user)

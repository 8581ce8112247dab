"""An agent with the tools of an MCP server, which ends with the run."""

import sys
from collections.abc import AsyncIterator

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.tools.mcp import McpWorkbench, StdioServerParams

from runtime import Function, User
from shared.agents import AgentEvent, Agents, Conversation
from shared.agents.autogen import Parts

config = Function(timeout=300)
SERVER = """
from mcp.server.fastmcp import FastMCP
server = FastMCP("prices")
@server.tool()
def price(symbol: str) -> float:
    return 82.5
server.run()
"""


async def team(parts: Parts) -> AssistantAgent:
    """Build the agent of one run."""
    server = StdioServerParams(command=sys.executable, args=["-c", SERVER])
    workbench = await parts.enter(McpWorkbench(server))
    return AssistantAgent(
        "analyst", parts.model(), workbench=workbench, max_tool_iterations=3, model_client_stream=True
    )


async def post(data: Conversation, agents: Agents, user: User) -> AsyncIterator[AgentEvent]:
    """Ask for a price."""
    return await agents.run(team, data, user=user)

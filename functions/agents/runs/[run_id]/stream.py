"""One of the caller's own agent runs that is under way, as a `useChat` that reconnects asks for it."""

from collections.abc import AsyncIterator

from runtime import Function, User
from shared.agents import AgentEvent, Agents

config = Function(timeout=300)


async def get(run_id: str, agents: Agents, user: User) -> AsyncIterator[AgentEvent]:
    """Follow a detached run from its beginning, in the AI SDK's format; 204 where none is under way."""
    return await agents.reconnect(run_id, user=user)

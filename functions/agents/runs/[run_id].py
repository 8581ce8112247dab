"""One of the caller's own agent runs: take its stream up again, or end it."""

from collections.abc import AsyncIterator
from typing import Any, Literal

from runtime import Function, Request, User
from shared.agents import AgentEvent, Agents, event_number

config = Function(methods={"get": {"timeout": 300}})


async def get(
    run_id: str,
    agents: Agents,
    user: User,
    request: Request[Any, Any, Any],
    *,
    chat: Literal["ui-messages"] | None = None,
) -> AsyncIterator[AgentEvent]:
    """Follow a detached run: what came after `Last-Event-ID`, then what comes; for `chat`, all of it."""
    after = event_number(request.headers.get("last-event-id"))
    return await agents.resume(run_id, user=user, after=after, chat=chat)


async def delete(run_id: str, agents: Agents, user: User) -> None:
    """End a run now; its stream says `done` with the reason `cancelled`."""
    await agents.stop(run_id, user=user)

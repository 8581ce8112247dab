"""A hundred callers at once never see each other, whatever order their runs take."""

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from shared.agents import Agent, AgentEvent, AgentMessage, Agents, RunDone, Team, ToolResult
from tests.fixtures.agents import AgentsMaker, ModelServer, Reply, ask, caller, calls

USERS = 100


def _reads_of(number: int) -> Callable[[str], Any]:
    """Return a tool that reads as one user, as a function's closure does."""

    async def mine(symbol: str) -> str:
        """Read the caller's own note on a symbol."""
        await asyncio.sleep(0)
        return f"note-of-user_{number} on {symbol}"

    return mine


def _repeats_what_it_was_told(request: dict[str, Any]) -> Reply:
    """Answer like a model: look the note up, then quote everything in the conversation."""
    messages = request["messages"]
    if not any(message["role"] == "tool" for message in messages):
        return calls("mine", symbol="SPY")
    said = (str(message.get("content", "")) for message in messages if message["role"] != "system")
    return Reply(words=(" ".join(said),))


async def _run(agents: Agents, number: int, pauses: list[int]) -> list[AgentEvent]:
    for _ in range(pauses[number % len(pauses)]):
        await asyncio.sleep(0)
    team = Team(
        "notes",
        (Agent("reader", "Read.", (_reads_of(number),)), Agent("critic", "Doubt.", (_reads_of(number),))),
        max_turns=2,
    )
    stream = await agents.run(team, ask(f"secret-of-user_{number}"), user=caller(number))
    return [event async for event in stream]


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pauses=some.lists(some.integers(0, 20), min_size=1, max_size=30))
def test_runs_of_a_hundred_users_never_see_each_others_data(
    make_agents: AgentsMaker, model_server: ModelServer, pauses: list[int]
):
    model_server.choose = _repeats_what_it_was_told

    async def everybody() -> list[list[AgentEvent]]:
        async with make_agents() as agents:
            return await asyncio.gather(*(_run(agents, number, pauses) for number in range(USERS)))

    for number, events in enumerate(asyncio.run(everybody())):
        assert isinstance(events[-1], RunDone)
        texts = [event.text for event in events if isinstance(event, AgentMessage | ToolResult)]
        assert any(f"note-of-user_{number} " in text for text in texts)
        own = {f"secret-of-user_{number}", f"note-of-user_{number}"}
        for word in " ".join(texts).split():
            if word.startswith(("secret-of-", "note-of-")):
                assert word in own

"""The short form of a team: who speaks, with which tools, and when it ends; independent of a framework."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from shared.agents.tool import NAME, Tool, refuse_tool

_RESERVED = {"user", "group_topic", "output_topic", "RoundRobinGroupChatManager"}
"""The person's name in every conversation, and the names by which a group delivers its messages."""


class Agent(Struct, frozen=True):
    """One member of a team.

    Attributes:
        name: an ASCII identifier of at most 64 characters, shown to the other agents and the caller.
        instructions: the system message.
        tools: functions with a docstring and annotated parameters, of types that msgspec knows. `async def`
            runs on the loop, `def` in a thread. They act as the caller because they close over the function's
            `db` and `user`; a parameter that would let the model choose whom to act as is refused.
        output: the struct its last message must fit, for structured output.
        may_ask: it may end the run with a question to the person.
        tool_rounds: how often in one turn it may call tools and read the results.
        approve: further tools, each call of which the person must approve first.
        model: a name of `ANNEX_MODELS`; the service's `ANNEX_MODEL` by default.
    """

    name: str
    instructions: str
    tools: tuple[Tool, ...] = ()
    output: type[Struct] | None = None
    may_ask: bool = False
    tool_rounds: int = 4
    approve: tuple[Tool, ...] = ()
    model: str | None = None

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(
                f"agent name {self.name!r} is not an identifier of at most 64 ASCII characters; "
                "write it like `analyst`"
            )
        if self.name in _RESERVED:
            raise ValueError(f"agent name {self.name!r} is reserved; choose another")
        if self.tool_rounds < 1:
            raise ValueError(f"agent {self.name!r} needs tool_rounds of at least 1")
        for tool in (*self.tools, *self.approve):
            refuse_tool(self.name, tool)
        names = [tool.__name__ for tool in (*self.tools, *self.approve)] + (
            ["ask_user"] if self.may_ask else []
        )
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"agent {self.name!r} has two tools named {', '.join(twice)}; rename one")


class Team(Struct, frozen=True):
    """Agents that speak in turn.

    Attributes:
        name: names the run in spans and metrics.
        agents: in the order in which they speak.
        until: text that ends the discussion when an agent's message contains it.
        max_turns: messages after which it ends in any case.
        replay: recorded replies (JSON) used when no model is configured, outside production.
    """

    name: str
    agents: tuple[Agent, ...]
    until: str | None = None
    max_turns: int = 10
    replay: Path | None = None

    def __post_init__(self) -> None:
        names = [agent.name for agent in self.agents]
        if not names or len(names) != len(set(names)):
            raise ValueError(f"team {self.name!r} needs agents with different names, got {names}")
        if self.max_turns < 1:
            raise ValueError(f"team {self.name!r} needs max_turns of at least 1")


class BuiltTeam(Struct, frozen=True):
    """A team that a function builds with the framework itself.

    Attributes:
        name: names the run in spans and metrics.
        build: makes the team from the run's `shared.agents.autogen.Parts`.
        replay: recorded replies (JSON) used when no model is configured, outside production.
    """

    name: str
    build: Callable[[Any], Any]
    replay: Path | None = None

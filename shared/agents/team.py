"""A team as a function describes it: who speaks, with which tools, and when it is over. No framework."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
from msgspec import Struct

type Tool = Callable[..., Any]

_CALLER = {"user", "user_id", "org_id", "organization", "db", "database"}


class Agent(Struct, frozen=True):
    """One member of a team.

    Attributes:
        name: a Python identifier; it is shown to the other agents and to the caller.
        instructions: the system message.
        tools: functions with a docstring and annotated parameters, of types that msgspec knows. `async def`
            runs on the loop, `def` in a thread. They act as the caller because they close over the function's
            `db` and `user`; a parameter that would let the model choose whom to act as is refused.
        output: the struct its last message must fit, for structured output.
        may_ask: it may end the run with a question to the person.
        tool_rounds: how often in one turn it may call tools and read the results.
    """

    name: str
    instructions: str
    tools: tuple[Tool, ...] = ()
    output: type[Struct] | None = None
    may_ask: bool = False
    tool_rounds: int = 4

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"agent name {self.name!r} is not an identifier; write it like `analyst`")
        for tool in self.tools:
            _refuse_tool(self.name, tool)


class Team(Struct, frozen=True):
    """Agents that speak in turn.

    Attributes:
        name: names the run in spans and metrics.
        agents: in the order in which they speak.
        until: text that ends the discussion when an agent's message contains it.
        max_turns: messages before it is over in any case.
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


def arguments_of(tool: Tool) -> type[Struct]:
    """Return the struct that the arguments of `tool` must fit, made of its signature."""
    hints = get_type_hints(tool, include_extras=True)
    fields: list[Any] = []
    for name, parameter in inspect.signature(tool).parameters.items():
        required = parameter.default is parameter.empty
        fields.append((name, hints[name]) if required else (name, hints[name], parameter.default))
    return msgspec.defstruct(tool.__name__, fields, kw_only=True, forbid_unknown_fields=True)


def _refuse_tool(agent: str, tool: Tool) -> None:
    parameters = inspect.signature(tool).parameters
    chosen = sorted(_CALLER & set(parameters))
    if chosen:
        raise ValueError(
            f"tool {tool.__name__!r} of agent {agent!r} takes {', '.join(chosen)}: the model would choose "
            "whom it acts as; use the function's own `user` and `db` inside the tool"
        )
    bare = [name for name, parameter in parameters.items() if parameter.annotation is parameter.empty]
    if bare:
        raise ValueError(
            f"tool {tool.__name__!r} of agent {agent!r} takes {', '.join(bare)} without an annotation: "
            "the model is told the types; write `symbol: str`"
        )
    if not inspect.getdoc(tool):
        raise ValueError(
            f"tool {tool.__name__!r} of agent {agent!r} has no docstring: it is what the model knows of it"
        )

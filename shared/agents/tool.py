"""What makes a function a tool of an agent."""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

import msgspec
from msgspec import Struct

type Tool = Callable[..., Any]

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""What models and providers accept as the name of an agent or a tool."""

_CALLER = {"user", "user_id", "org_id", "organization", "db", "database"}
_UNNAMED = {
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.VAR_POSITIONAL,
    inspect.Parameter.VAR_KEYWORD,
}


def arguments_of(tool: Tool) -> type[Struct]:
    """Return the struct that the arguments of `tool` must fit, made of its signature."""
    hints = get_type_hints(tool, include_extras=True)
    fields: list[Any] = []
    for name, parameter in inspect.signature(tool).parameters.items():
        required = parameter.default is parameter.empty
        fields.append((name, hints[name]) if required else (name, hints[name], parameter.default))
    return msgspec.defstruct(tool.__name__, fields, kw_only=True, forbid_unknown_fields=True)


def refuse_tool(agent: str, tool: Tool) -> None:
    """Raise `ValueError`, with the cure, when a model could not use `tool` or must not."""
    if not inspect.isroutine(tool):
        raise ValueError(
            f"a tool of agent {agent!r} is a {type(tool).__name__}: only a function has a name, a docstring "
            "and parameters for the model; write a `def` that calls it"
        )
    fault = _fault_of_parameters(tool) or _fault_of_function(tool)
    if fault:
        raise ValueError(f"tool {tool.__name__!r} of agent {agent!r} {fault}")


def _fault_of_parameters(tool: Tool) -> str:
    try:
        parameters = inspect.signature(tool).parameters
    except ValueError:  # some builtins
        return "has no signature; write a `def` that calls it"
    if chosen := sorted(_CALLER & set(parameters)):
        return (
            f"takes {', '.join(chosen)}: the model would choose "
            "the caller it acts for; use the function's own `user` and `db` inside the tool"
        )
    if unnamed := [str(parameter) for parameter in parameters.values() if parameter.kind in _UNNAMED]:
        return f"takes {', '.join(unnamed)}: the model gives arguments by name; name each"
    return _fault_of_types(tool, parameters)


def _fault_of_types(tool: Tool, parameters: Mapping[str, inspect.Parameter]) -> str:
    bare = [name for name, parameter in parameters.items() if parameter.annotation is parameter.empty]
    if bare:
        return (
            f"takes {', '.join(bare)} without an annotation: the model needs the types; write `symbol: str`"
        )
    try:
        arguments_of(tool)
    except (TypeError, NameError) as error:  # a default that calls would share, a type that is not there
        return (
            f"cannot be described to a model: {error}; use types of the module and defaults that cannot "
            "change, such as None or a tuple"
        )
    return ""


def _fault_of_function(tool: Tool) -> str:
    if inspect.isgeneratorfunction(tool) or inspect.isasyncgenfunction(tool):
        return "yields: a model reads one result; return it"
    if not inspect.getdoc(tool):
        return "has no docstring, which describes it to the model; write one"
    if not NAME.fullmatch(tool.__name__):
        return "needs a name that is an identifier of at most 64 ASCII characters"
    return ""

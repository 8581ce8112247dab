"""The handlers of a file, by the names of their methods."""

import ast
from collections.abc import Sequence
from typing import Any

from runtime.config import HANDLERS
from runtime.routing.reading.bindings import Binding
from runtime.routing.reading.faults import Findings
from runtime.routing.reading.names import near_miss

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def read_methods(code: ast.Module, bound: Sequence[Binding], findings: Findings) -> dict[str, int]:
    """Return the handlers in the order of `HANDLERS`, with the line of each."""
    functions = [node for node in code.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lines: dict[str, int] = {}
    for node in functions:
        if node.name not in HANDLERS:
            continue
        if node.name in lines:
            found = f"{node.name} is defined twice, first on line {lines[node.name]}."
            findings.fault(node.lineno, found, "Keep one.")
        lines.setdefault(node.name, node.lineno)
    _undefined(code, bound, findings)
    _near_misses(functions, lines, findings)
    return {method: lines[method] for method in HANDLERS if method in lines}


def _near_misses(functions: list[Any], lines: dict[str, int], findings: Findings) -> None:
    for node in functions:
        name = node.name
        meant = None if name in HANDLERS else near_miss(name, HANDLERS)
        if meant is None or (lines and name.lower() != meant):
            continue
        findings.fault(node.lineno, f"{name} is not a handler.", f"Did you mean {meant}?")
        lines.setdefault(meant, node.lineno)
    if lines or findings.faults:
        return
    names = ", ".join(node.name for node in functions[:5]) or "no functions"
    findings.fault(
        0,
        f"No handler in this file (found: {names}).",
        f"Define one of {', '.join(HANDLERS)}, or start the file name with '_' if it is not an endpoint.",
    )


def _undefined(code: ast.Module, bound: Sequence[Binding], findings: Findings) -> None:
    """A `get` imported from elsewhere would be a route that nobody wrote."""
    for name, node, line in bound:
        if name not in HANDLERS or (node in code.body and isinstance(node, DEFINITIONS)):
            continue
        if isinstance(node, DEFINITIONS):
            found, cure = f"{name} is defined inside another statement.", "Define it at the top level."
        else:
            found = f"{name} has the name of a handler but is not defined by def in this file."
            cure = f"Write `async def {name}(...)`, or give it another name."
        findings.fault(line, found, cure)


def decorated(code: ast.Module) -> dict[str, int]:
    """Return the functions that have a decorator, with the line of the first."""
    functions = [node for node in code.body if isinstance(node, DEFINITIONS)]
    return {node.name: node.decorator_list[0].lineno for node in functions if node.decorator_list}

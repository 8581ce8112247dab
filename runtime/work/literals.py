"""Calls of `enqueue` whose path is a literal, checked without running them."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from runtime.routing import InputKind, Operation, RouteTable
from runtime.routing.operation import Input
from runtime.routing.table import Route
from runtime.work.catalogue import Catalogue
from shared.work import UnknownJob


class LostCall(NamedTuple):
    """A call that cannot succeed: where it is, and why."""

    file: str
    line: int
    text: str


def mistakes(table: RouteTable) -> Iterator[LostCall]:
    """Yield each call in a function file that names no job, or gives it what it does not take."""
    catalogue = Catalogue(table)
    jobs = [route.operation for route in table.jobs if route.operation]
    asking = {each.endpoint.file: each for each in (*table.operations, *jobs) if _takes_jobs(each)}
    for file, operation in sorted(asking.items()):
        path = Path(table.root) / file
        code = ast.parse(path.read_bytes()) if path.is_file() else ast.Module([], [])
        for node in ast.walk(code):
            if isinstance(node, ast.Call) and (text := _mistake(node, catalogue, operation)):
                yield LostCall(file, node.lineno, text)


def _takes_jobs(operation: Operation) -> bool:
    return any(each.kind is InputKind.JOBS for each in operation.inputs)


def _mistake(call: ast.Call, catalogue: Catalogue, operation: Operation) -> str:
    path = call.args[0] if call.args else None
    is_enqueue = isinstance(call.func, ast.Attribute) and call.func.attr == "enqueue"
    if not is_enqueue or not isinstance(path, ast.Constant) or not isinstance(path.value, str):
        return ""
    try:
        route = catalogue.find(path.value).route
    except UnknownJob as error:
        return str(error)
    made = _made(call.args[1] if len(call.args) > 1 else None, operation)
    return _misfit(route, path.value, made) if route.operation and made else ""


def _misfit(route: Route, path: str, made: type[Any]) -> str:
    kind = next((each.annotation for each in _inputs(route) if each.kind is InputKind.BODY), None)
    if kind is None:
        return f"The job at {path!r} takes no data, but is given {made.__name__}."
    if not isinstance(kind, type) or issubclass(made, kind) or made.__name__ == kind.__name__:
        return ""  # of one name: two imports of one file
    return f"The job at {path!r} takes {kind.__name__}, but is given {made.__name__}."


def _inputs(route: Route) -> tuple[Input, ...]:
    return route.operation.inputs if route.operation else ()


def _made(node: ast.expr | None, operation: Operation) -> type[Any] | None:
    """Return the class of which an argument makes an instance, None where that cannot be told."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return None
    made = operation.function.__globals__.get(node.func.id)
    return made if isinstance(made, type) else None

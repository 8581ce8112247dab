"""The handlers and the `config` of a file, read from its syntax tree before it runs.

The route table, the policies and the list of open routes are therefore known even for a file whose
import fails.
"""

import ast
from collections import deque
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from runtime.config import METHODS, Folder, Function
from runtime.config.policy import keys_of
from runtime.routing.reading.faults import UNREADABLE, Fault, unreadable
from runtime.routing.reading.keys import read_value
from runtime.routing.reading.names import near_miss

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_DEFINITIONS, ast.ClassDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_ONE_CONFIG = "Write a single `config = ...` statement at the top level."


class Literal(Struct, frozen=True):
    """One key of a config: its decoded value and the line that sets it."""

    value: Any
    line: int


class Source(Struct, frozen=True):
    """One file, read.

    Attributes:
        file: path below the functions folder.
        code: the syntax tree, None where it cannot be parsed.
        methods: handlers in the order of `METHODS`, with the line of each.
        config: decoded keys; None where the config cannot be trusted, so that the file stays closed.
        doc: the module's docstring.
        faults: everything that is wrong so far.
    """

    file: str
    code: ast.Module | None
    methods: dict[str, int]
    config: dict[str, Literal] | None
    doc: str | None
    faults: tuple[Fault, ...]


def read_function(file: str, text: bytes) -> Source:
    """Read a function file."""
    return _read(file, text, Function)


def read_folder(file: str, text: bytes) -> Source:
    """Read a folder's `_config.py`."""
    return _read(file, text, Folder)


def unread(file: str, fault: Fault) -> Source:
    """Return what is known of a file that could not be read: nothing, and why."""
    return Source(file, None, {}, None, None, (fault,))


def _read(file: str, text: bytes, kind: type[Function] | type[Folder]) -> Source:
    try:
        code = ast.parse(text, filename=file)
    except UNREADABLE as error:
        return unread(file, unreadable(file, error))
    reader = _Reader(file, kind)
    config = reader.config(code)
    methods = reader.methods(code) if kind is Function else {}
    return Source(file, code, methods, config, ast.get_docstring(code), tuple(reader.faults))


class _Reader:
    """Walks the top level of one module and collects faults."""

    def __init__(self, file: str, kind: type[Function] | type[Folder]) -> None:
        self.file = file
        self.kind = kind
        self.faults: list[Fault] = []

    def fault(self, line: int, found: str, cure: str) -> None:
        self.faults.append(Fault(file=self.file, line=line, found=found, cure=cure))

    # The handlers
    # ---------------------------------------------------------------------------------------------

    def methods(self, code: ast.Module) -> dict[str, int]:
        functions = [node for node in code.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        lines: dict[str, int] = {}
        for node in functions:
            if node.name not in METHODS:
                continue
            if node.name in lines:
                found = f"{node.name} is defined twice, first on line {lines[node.name]}."
                self.fault(node.lineno, found, "Keep one.")
            lines.setdefault(node.name, node.lineno)
        self._undefined(code)
        self._near_misses(functions, lines)
        return {method: lines[method] for method in METHODS if method in lines}

    def _near_misses(self, functions: list[Any], lines: dict[str, int]) -> None:
        for node in functions:
            name = node.name
            meant = near_miss(name, METHODS)
            if name in METHODS or meant is None or (lines and name.lower() != meant):
                continue
            self.fault(node.lineno, f"{name} is not a handler.", f"Did you mean {meant}?")
            lines.setdefault(meant, node.lineno)
        if lines or self.faults:
            return
        names = ", ".join(node.name for node in functions[:5]) or "no functions"
        self.fault(
            0,
            f"No handler in this file (found: {names}).",
            f"Define one of {', '.join(METHODS)}, or start the file name with '_' if it is not an endpoint.",
        )

    def _undefined(self, code: ast.Module) -> None:
        """A `get` imported from elsewhere would be a route that nobody wrote."""
        for name, node in _bindings(code):
            if name not in METHODS or (node in code.body and isinstance(node, _DEFINITIONS)):
                continue
            if isinstance(node, _DEFINITIONS):
                found, cure = f"{name} is defined inside another statement.", "Define it at the top level."
            else:
                found = f"{name} has the name of a handler but is not defined by def in this file."
                cure = f"Write `async def {name}(...)`, or give it another name."
            self.fault(node.lineno, found, cure)

    # The config
    # -----------------------------------------------------------------------------------------------

    def config(self, code: ast.Module) -> dict[str, Literal] | None:
        calls = [found for node in code.body if (found := _assignment(node))]
        named = [(line, value) for name, line, value in calls if name == "config"]
        for name, line, value in calls:
            called = _called(value)
            if name != "config" and (called in {"Function", "Folder"} or name.lower() == "config"):
                self.fault(line, f"{name} is not read.", "Name it config.")
                return None
        if len(named) > 1:
            self.fault(named[1][0], f"config is set twice, first on line {named[0][0]}.", "Keep one.")
            return None
        for name, node in _bindings(code):
            if name == "config" and not any(node.lineno == line for line, _ in named):
                self.fault(node.lineno, "This config cannot be read.", _ONE_CONFIG)
                return None
        if not named:
            if self.kind is Folder:
                self.fault(0, "No config in this file.", "Write config = Folder(...), or delete the file.")
                return None
            return {}
        return self._call(*named[0])

    def _call(self, line: int, value: ast.expr) -> dict[str, Literal] | None:
        wanted = self.kind.__name__
        if not isinstance(value, ast.Call) or _called(value) != wanted:
            found = f"config is {_spelt(value)!r}, but must be a literal call; it is parsed, not executed."
            self.fault(line, found, f"Write config = {wanted}(...) with literal values.")
            return None
        before = len(self.faults)
        if value.args or any(keyword.arg is None for keyword in value.keywords):
            self.fault(line, f"{wanted}(...) takes keyword arguments only.", "Write each as key=value.")
        keys: dict[str, Literal] = {}
        for keyword in value.keywords:
            if keyword.arg is not None:
                self._key(keyword.arg, keyword.value, keys)
        return keys if len(self.faults) == before else None

    def _key(self, name: str, node: ast.expr, keys: dict[str, Literal]) -> None:
        keys_here = keys_of(self.kind)
        if name not in keys_here:
            meant = near_miss(name, keys_here)
            cure = f"Did you mean {meant}?" if meant else f"Known keys: {', '.join(keys_here)}."
            if name in {"public", "webhook"}:
                cure = "Only the function's own file may make a route public."
            self.fault(node.lineno, f"{self.kind.__name__}(...) has no key {_short(name)!r}.", cure)
            return
        try:
            raw = ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            found = f"{name}={_spelt(node)} is not a literal; config is parsed, not executed."
            self.fault(node.lineno, found, "Write a literal value.")
            return
        try:
            value = read_value(self.kind, name, raw)
        except (ValueError, OverflowError) as error:
            self.fault(node.lineno, f"{name}={_spelt(node)}: {error}", keys_here[name].cure)
            return
        keys[name] = Literal(value, node.lineno)


def _bindings(code: ast.Module) -> Iterator[tuple[str, ast.stmt | ast.expr | ast.excepthandler]]:
    """Yield every name that the module's own scope binds or deletes, in whatever statement, and where."""
    waiting: deque[ast.AST] = deque(code.body)
    while waiting:
        node = waiting.popleft()
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id, node
        elif isinstance(node, (*_DEFINITIONS, ast.ClassDef)):
            yield node.name, node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, node
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name, node
        if not isinstance(node, _SCOPES):
            waiting.extend(ast.iter_child_nodes(node))


def _assignment(node: ast.stmt) -> tuple[str, int, ast.expr] | None:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
        return node.target.id, node.lineno, node.value
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id, node.lineno, node.value
    return None


def _called(value: ast.expr) -> str | None:
    if not isinstance(value, ast.Call):
        return None
    if isinstance(value.func, ast.Attribute):
        return value.func.attr
    return value.func.id if isinstance(value.func, ast.Name) else None


def _spelt(node: ast.expr) -> str:
    try:
        return _short(ast.unparse(node))
    except (RecursionError, ValueError):
        return "an expression that is too long to show"


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."

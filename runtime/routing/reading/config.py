"""The `config` of a file, a literal call that is read from the syntax tree."""

import ast
from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from runtime.config import Folder, Function
from runtime.config.keys import keys_of
from runtime.replacements import current
from runtime.routing.reading.bindings import Binding, Evaluated
from runtime.routing.reading.faults import Findings
from runtime.routing.reading.keys import read_value
from runtime.routing.reading.names import near_miss

_IMPORTS = (ast.Import, ast.ImportFrom)
_KINDS = frozenset({"Function", "Folder"})
_ONE_CONFIG = "Write a single `config = ...` statement at the top level."

type _Assignment = tuple[ast.Name, ast.expr]


class Literal(Struct, frozen=True):
    """One key of a config: its decoded value and the line that sets it."""

    value: Any
    line: int


class ConfigReader:
    """Reads the config of one module.

    Attributes:
        written: the keys as they are written; None where there is no config.
    """

    def __init__(self, kind: type[Function] | type[Folder], findings: Findings) -> None:
        self.kind = kind
        self._findings = findings
        self.fault = findings.fault
        self.written: dict[str, Any] | None = None

    def read(self, code: ast.Module, nodes: Evaluated, bound: Sequence[Binding]) -> dict[str, Literal] | None:
        """Return the decoded keys; None where the config cannot be trusted."""
        assigned = [found for node in code.body if (found := _assignment(node))]
        named = [(target, value) for target, value in assigned if target.id == "config"]
        if misread := self._misread(nodes, bound, assigned, named):
            self.fault(*misread)
            return None
        if named and self.kind is Folder:
            self._only_policy(code)
        if named:
            return self._call(named[0][0].lineno, named[0][1])
        if self.kind is Folder:
            self.fault(0, "No config in this file.", "Write config = Folder(...), or delete the file.")
            return None
        return {}

    def _misread(
        self,
        nodes: Evaluated,
        bound: Sequence[Binding],
        assigned: list[_Assignment],
        named: list[_Assignment],
    ) -> tuple[int, str, str] | None:
        """Return what would make the config another one than the one assignment says."""
        for target, value in assigned:
            if target.id != "config" and (_called(value) in _KINDS or target.id.lower() == "config"):
                return target.lineno, f"{target.id} is not read.", "Name it config."
        if len(named) > 1:
            found = f"config is set twice, first on line {named[0][0].lineno}."
            return named[1][0].lineno, found, "Keep one."
        for name, node, line in bound:
            if name == "config" and not any(node is target for target, _ in named):
                return line, "This config cannot be read.", _ONE_CONFIG
        for call in _policy_calls(nodes):
            if not any(call is value for _, value in named):
                return call.lineno, f"This {_spelt(call.func)}(...) is not read.", _ONE_CONFIG
        return None

    def _only_policy(self, code: ast.Module) -> None:
        """A folder's file never runs, so a statement that would change its config would be lost."""
        for node in code.body:
            is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            is_star = isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
            if not is_text and not _assignment(node) and (is_star or not isinstance(node, _IMPORTS)):
                found = "This statement has no effect: a folder's policy is parsed, not executed."
                self.fault(node.lineno, found, "Keep only imports and config = Folder(...) in this file.")

    def _call(self, line: int, value: ast.expr) -> dict[str, Literal] | None:
        wanted = self.kind.__name__
        if not isinstance(value, ast.Call) or _called(value) != wanted:
            found = f"config is {_spelt(value)!r}, but must be a literal call; it is parsed, not executed."
            self.fault(line, found, f"Write config = {wanted}(...) with literal values.")
            return None
        before = len(self._findings.faults)
        if value.args or any(keyword.arg is None for keyword in value.keywords):
            self.fault(line, f"{wanted}(...) takes keyword arguments only.", "Write each as key=value.")
        keys: dict[str, Literal] = {}
        written: dict[str, Any] = {}
        self.written = written
        for keyword in value.keywords:
            if keyword.arg in keys:
                self.fault(keyword.value.lineno, f"{keyword.arg} is set twice.", "Keep one.")
            elif keyword.arg is not None:
                self._key(keyword.arg, keyword.value, keys, written)
        return keys if len(self._findings.faults) == before else None

    def _key(self, name: str, node: ast.expr, keys: dict[str, Literal], written: dict[str, Any]) -> None:
        keys_here = keys_of(self.kind)
        name = current("key", name)
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
        if doubled := _doubled(node):
            self.fault(doubled.lineno, f"{name} sets {_spelt(doubled)} twice.", "Keep one.")
            return
        try:
            value = read_value(self.kind, name, raw)
        except (ValueError, OverflowError) as error:
            self.fault(node.lineno, f"{name}={_spelt(node)}: {error}", keys_here[name].cure)
            return
        keys[name] = Literal(value, node.lineno)
        written[name] = raw


def _assignment(node: ast.stmt) -> _Assignment | None:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
        return node.target, node.value
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0], node.value
    return None


def _policy_calls(nodes: Evaluated) -> Iterator[ast.Call]:
    """Yield each call of `Function` or `Folder`, as they are imported from the runtime."""
    names = {
        alias.asname or alias.name
        for node, _ in nodes
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "runtime"
        for alias in node.names
        if alias.name in _KINDS
    }
    for node, _ in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


def _doubled(value: ast.expr) -> ast.expr | None:
    """Return a key that one dict of a literal has twice; Python would keep the last."""
    for node in () if isinstance(value, ast.Constant) else ast.walk(value):
        seen: set[str] = set()
        for key in node.keys if isinstance(node, ast.Dict) else ():
            if key is not None and ast.dump(key) in seen:
                return key
            seen.add(ast.dump(key) if key else "")
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

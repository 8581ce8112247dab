"""Which names a module's own scope binds, read from its syntax tree (Python reference, 4.2.1)."""

import ast
from collections.abc import Iterator
from typing import Any

_DEFINED = ("decorator_list", "args", "returns")
_AROUND: dict[type[ast.AST], tuple[str, ...]] = {
    ast.FunctionDef: _DEFINED,
    ast.AsyncFunctionDef: _DEFINED,
    ast.ClassDef: ("decorator_list", "bases", "keywords"),
    ast.Lambda: ("args",),
    ast.Name: (),
    ast.Constant: (),
}
"""The fields that are evaluated with a node, where that is not all of them."""
_KINDS = (
    *(ast.stmt, ast.expr, ast.comprehension, ast.ExceptHandler, ast.arguments, ast.arg, ast.keyword),
    *(ast.withitem, ast.match_case, ast.pattern),
)
_BRANCHES = frozenset(
    kind for kind in vars(ast).values() if isinstance(kind, type) and issubclass(kind, _KINDS)
)
_BINDING = {
    *(ast.NamedExpr, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import),
    *(ast.ImportFrom, ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping),
}
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

type Binding = tuple[str, ast.AST, int]


type Evaluated = list[tuple[ast.AST, bool]]
"""Nodes, each with whether it is inside of a comprehension."""


def bindings(code: ast.Module, nodes: Evaluated) -> list[Binding]:
    """Return every name that the module's scope binds or deletes, the node that does, and its line.

    A star import is not among them: what it binds is known only after it has run.

    Args:
        code: the module.
        nodes: what it evaluates.
    """
    found: list[Binding] = []
    for node, is_inside in nodes:
        if isinstance(node, ast.Name):  # most of them, and most of them only read
            if not isinstance(node.ctx, ast.Load) and not is_inside:
                found.append((node.id, node, node.lineno))
        elif type(node) in _BINDING:
            found += _bound(node)
    declared = (node for node in _statements(code) if isinstance(node, ast.Global))
    return [*found, *((name, node, node.lineno) for node in declared for name in node.names)]


def evaluated(code: ast.Module) -> Evaluated:
    """Return every node that the module itself evaluates, but for constants and operators.

    Defaults, annotations, decorators and bases are evaluated around a function or class, its body is not.
    """
    waiting: Evaluated = [(node, False) for node in code.body]
    for node, is_inside in waiting:  # which grows meanwhile
        deeper = is_inside or isinstance(node, _COMPREHENSIONS)
        names = _AROUND.get(type(node), node._fields)
        for name in names:
            child: Any = getattr(node, name, None)
            if type(child) is list:
                waiting.extend([(each, deeper) for each in child if type(each) in _BRANCHES])
            elif type(child) in _BRANCHES:
                waiting.append((child, deeper))
    return waiting


def _statements(code: ast.Module) -> Iterator[ast.AST]:
    """Yield every statement, in whatever function or class, and what holds statements of its own."""
    waiting: list[ast.AST] = [code]
    for node in waiting:
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, name, ())
            if type(inner) is list:  # of a lambda, it is an expression
                waiting.extend(inner)
    yield from waiting


def _bound(node: ast.AST) -> Iterator[Binding]:
    match node:
        case ast.NamedExpr():  # binds around a comprehension
            yield node.target.id, node.target, node.lineno
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name, node, node.lineno
        case ast.Import() | ast.ImportFrom():
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], node, node.lineno
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name, node, node.lineno
        case ast.MatchMapping(rest=str(name)):
            yield name, node, node.lineno

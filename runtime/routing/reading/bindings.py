"""Which names a module's own scope binds, read from its syntax tree (Python reference, 4.2.1)."""

import ast
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)

type Binding = tuple[str, ast.AST, int]


@lru_cache(maxsize=1)  # a file is asked about several times, and then the next one
def bindings(code: ast.Module) -> tuple[Binding, ...]:
    """Return every name that the module's scope binds or deletes, the node that does, and its line.

    A star import is not among them: what it binds is known only after it has run.
    """
    return tuple(_bindings(code))


def _bindings(code: ast.Module) -> Iterator[Binding]:
    for node, is_inside in evaluated(code):
        yield from _bound(node, is_inside=is_inside)
    for node in ast.walk(code):  # in whatever function or class
        if isinstance(node, ast.Global):
            yield from ((name, node, node.lineno) for name in node.names)


@lru_cache(maxsize=1)
def evaluated(code: ast.Module) -> tuple[tuple[ast.AST, bool], ...]:
    """Return every node that the module itself evaluates, and whether it is inside of a comprehension.

    Defaults, annotations, decorators and bases are evaluated around a function or class, its body is not.
    """
    return tuple(_evaluated(code))


def _evaluated(code: ast.Module) -> Iterator[tuple[ast.AST, bool]]:
    waiting: deque[tuple[ast.AST, bool]] = deque((node, False) for node in code.body)
    while waiting:
        node, is_inside = waiting.popleft()
        yield node, is_inside
        is_inside = is_inside or isinstance(node, _COMPREHENSIONS)
        waiting.extend((child, is_inside) for child in _children(node))


def _children(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield from chain(node.decorator_list, [node.args], [node.returns] if node.returns else [])
        case ast.ClassDef():
            yield from chain(node.decorator_list, node.bases, node.keywords)
        case ast.Lambda():
            yield node.args
        case _:
            yield from ast.iter_child_nodes(node)


def _bound(node: ast.AST, *, is_inside: bool) -> Iterator[Binding]:
    match node:
        case ast.NamedExpr():  # binds around a comprehension
            yield node.target.id, node.target, node.lineno
        case ast.Name(ctx=ast.Store() | ast.Del()) if not is_inside:
            yield node.id, node, node.lineno
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name, node, node.lineno
        case ast.Import() | ast.ImportFrom():
            for alias in node.names:
                yield alias.asname or alias.name.partition(".")[0], node, node.lineno
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name, node, node.lineno
        case ast.MatchMapping(rest=str(name)):
            yield name, node, node.lineno

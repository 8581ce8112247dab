"""Old names in the files of a service: where each stands, and the text with the new one in its place."""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from runtime.replacements import Replacement
from runtime.starting.schema import text_of

CONFIGURED = (".env*", "Dockerfile", "Makefile", "railway.toml", "*.yml", "*.yaml")
OTHERS = {"node_modules", "__pycache__"}


class OldName(NamedTuple):
    """One place where an old name stands.

    Attributes:
        file: where.
        line: counted from 1.
        start: the first byte of the line that is replaced.
        end: the byte behind the last.
        text: what is put there, None where a person has to.
        change: which change it is.
    """

    file: Path
    line: int
    start: int
    end: int
    text: str | None
    change: Replacement


def uses(root: Path, changes: Iterable[Replacement]) -> Iterator[OldName]:
    """Yield every use of an old name below a service's folder."""
    changes = list(changes)
    variables = [each for each in changes if each.kind == "variable"]
    if len(variables) < len(changes):
        for file in _modules(root):
            yield from _in_python(file, [each for each in changes if each.kind != "variable"])
    for file in sorted(
        {found for pattern in CONFIGURED for found in root.glob(pattern)} if variables else ()
    ):
        yield from _in_text(file, variables)


def rewrite(found: Iterable[OldName]) -> list[Path]:
    """Put the new names in place of the old ones and return the files that changed."""
    by_file: dict[Path, list[OldName]] = {}
    for use in found:
        if use.text is not None:
            by_file.setdefault(use.file, []).append(use)
    for file, its in by_file.items():
        lines = file.read_bytes().splitlines(keepends=True)
        for use in sorted(set(its), key=lambda each: (each.line, each.start), reverse=True):
            line = lines[use.line - 1]
            lines[use.line - 1] = line[: use.start] + str(use.text).encode() + line[use.end :]
        file.write_bytes(b"".join(lines))
    return list(by_file)


def _modules(root: Path) -> list[Path]:
    found = []
    for folder, folders, files in root.walk():
        folders[:] = [name for name in folders if not name.startswith(".") and name not in OTHERS]
        found += [folder / name for name in files if name.endswith(".py")]
    return sorted(found)


def _in_text(file: Path, variables: list[Replacement]) -> Iterator[OldName]:
    for number, line in enumerate(text_of(file).splitlines(), 1):
        for change in variables:
            for found in re.finditer(rf"\b{re.escape(change.old)}\b", line):
                start, end = (len(line[:place].encode()) for place in found.span())
                yield OldName(file, number, start, end, change.new or None, change)


def _in_python(file: Path, changes: list[Replacement]) -> Iterator[OldName]:
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):  # `annex check` names what is wrong with it
        return
    nodes = list(ast.walk(tree))
    for change in changes:
        for node in nodes:
            match change.kind:
                case "module":
                    yield from _module(file, node, change)
                case "name":
                    yield from _name(file, node, nodes, change)
                case "key":
                    yield from _key(file, node, change)


def _module(file: Path, node: ast.AST, change: Replacement) -> Iterator[OldName]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            if _is_at_or_below(alias.name, change.old):
                yield _use(file, alias, change, len(change.old))
    elif isinstance(node, ast.Attribute) and _dotted(node) == change.old:
        yield _use(file, node, change, len(change.old))
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        if _is_at_or_below(node.module, change.old):
            yield _moved(_use(file, node, change, len(change.old)), len("from "))
        yield from _submodule(file, node, change)


def _submodule(file: Path, node: ast.ImportFrom, change: Replacement) -> Iterator[OldName]:
    """Find `from package import module`; the name that the file calls it by stays."""
    parent, _, last = change.old.rpartition(".")
    new_parent, _, new_last = change.new.rpartition(".")
    for alias in node.names if node.module == parent else ():
        if alias.name == last:
            kept = "" if alias.asname else f" as {last}"
            yield _use(file, alias, change, len(last), f"{new_last}{kept}" if new_parent == parent else None)


def _name(file: Path, node: ast.AST, nodes: list[ast.AST], change: Replacement) -> Iterator[OldName]:
    if not isinstance(node, ast.ImportFrom) or node.module != "runtime" or node.level:
        return
    for alias in node.names:
        if alias.name != change.old:
            continue
        stored = [each for each in nodes if isinstance(each, ast.Name) and each.id == change.old]
        is_shared = any(not isinstance(each.ctx, ast.Load) for each in stored)
        is_shared |= any(isinstance(each, ast.arg) and each.arg == change.old for each in nodes)
        keeps = is_shared and not alias.asname
        text = f"{change.new} as {change.old}" if keeps else change.new
        yield _use(file, alias, change, len(change.old), text)
        for each in stored if not is_shared and not alias.asname else ():
            yield _use(file, each, change, len(change.old))


def _key(file: Path, node: ast.AST, change: Replacement) -> Iterator[OldName]:
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"Function", "Folder"}
    ):
        for keyword in node.keywords:
            if keyword.arg == change.old:
                yield _use(file, keyword, change, len(change.old))


type _Placed = ast.alias | ast.expr | ast.stmt | ast.keyword


def _use(file: Path, node: _Placed, change: Replacement, length: int, text: str | None = "") -> OldName:
    """Return the use that begins where `node` does; by default the new name is put there."""
    given = (change.new if text == "" else text) or None
    start = node.col_offset
    return OldName(file, node.lineno, start, start + length, given if change.new else None, change)


def _moved(use: OldName, by: int) -> OldName:
    return use._replace(start=use.start + by, end=use.end + by)


def _is_at_or_below(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""

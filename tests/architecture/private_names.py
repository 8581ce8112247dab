"""Private names of other packages: ``python -m tests.architecture.private_names`` lists them, and fails.

A name is private when it, or a part of the module that it comes from, begins with one underscore. Read from
the syntax trees of `runtime` and `shared`: imports; attributes of whatever is not the project's own, also by
`getattr`; and in classes with a foreign ancestor, attributes that nobody here has defined, or that the
ancestor defines as well, which would be overriding by accident.
"""

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

FOLDERS = ("runtime", "shared")
OWN = frozenset({"runtime", "shared", "functions", "tests", "benchmarks", "docs"})
DOCUMENTED = {
    "sys": {"_getframe", "_current_frames"},
    "os": {"_exit"},
}
"""Functions that the standard library documents under such a name."""
FIELDS = {"_fields", "_asdict", "_replace", "_make", "_field_defaults", "_name_", "_value_"}
"""What named tuples, enumerations and syntax trees document."""

EXCEPTIONS = {
    # Without it a start imports pydantic and attrs for nothing.
    "runtime/routing/matching/tree_app.py: BareTreeApp._get_default_plugins overrides its base's": (
        "test_imports_at_start.py::test_a_start_loads_neither_pydantic_nor_attrs"
    ),
}
"""At most three: what is found, and the test in this folder that fails when the name changes."""


class Found(NamedTuple):
    """One use of a private name."""

    file: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.name}"


def is_private(name: str) -> bool:
    """Say whether a name, or a part of a dotted one, begins with one underscore."""
    return any(part.startswith("_") and not part.startswith("__") for part in name.split("."))


class Module:
    """One file: its tree, and where the names in it come from.

    Attributes:
        sources: dotted origin of each imported name.
        classes: by name.
        defined: private attributes that its classes and functions define.
    """

    def __init__(self, root: Path, path: Path) -> None:
        self.file = path.relative_to(root).as_posix()
        self.name = self.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self.tree = ast.parse(path.read_text("utf-8"))
        self.sources = dict(self._imported())
        self.classes = {each.name: each for each in ast.walk(self.tree) if isinstance(each, ast.ClassDef)}
        self.defined = {name for each in self.classes.values() for name in defined_in(each)}

    def _imported(self) -> Iterator[tuple[str, str]]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                yield from ((each.asname or each.name, f"{node.module}.{each.name}") for each in node.names)
            elif isinstance(node, ast.Import):
                for each in node.names:
                    top = each.name.partition(".")[0]
                    yield (each.asname, each.name) if each.asname else (top, top)

    def private_imports(self) -> Iterator[Found]:
        """Yield imports of private names and from private modules of other packages."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [f"{node.module}.{each.name}" for each in node.names]
            elif isinstance(node, ast.Import):
                names = [each.name for each in node.names]
            else:
                continue
            for name in names:
                if is_foreign(name) and is_private(name) and not is_documented(name):
                    yield Found(self.file, node.lineno, name)

    def private_attributes(self) -> Iterator[Found]:
        """Yield private attributes of values that are not of this file's own classes."""
        for node in ast.walk(self.tree):
            found = attribute_of(node)
            if found is None or not is_private(found[1]) or found[1] in FIELDS:
                continue
            value, name = found
            origin = self.sources.get(root_name(value), "")
            if is_documented(f"{origin}.{name}"):
                continue
            is_self = isinstance(value, ast.Name) and value.id in {"self", "cls"}
            if (origin and is_foreign(origin)) or (not is_self and name not in self.defined):
                yield Found(self.file, value.lineno, f"{ast.unparse(value)}.{name}")


def attribute_of(node: ast.AST) -> tuple[ast.expr, str] | None:
    """Return value and name of an attribute, of one that is asked for by `getattr` and its kin too."""
    if isinstance(node, ast.Attribute):
        return node.value, node.attr
    if isinstance(node, ast.Call) and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called in {"getattr", "hasattr", "setattr", "delattr", "__setattr__", "force_setattr"}:
            return node.args[0], str(node.args[1].value)
    return None


def root_name(node: ast.expr) -> str:
    """Return the name that an expression of attributes, calls and items begins with, or nothing."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def is_foreign(origin: str) -> bool:
    """Say whether a dotted name is of another package."""
    return origin.partition(".")[0] not in OWN


def is_documented(name: str) -> bool:
    """Say whether the standard library documents a private name."""
    module, _, last = name.rpartition(".")
    return last in DOCUMENTED.get(module, ())


def defined_in(cls: ast.AST) -> set[str]:
    """Return the private names that a class defines: methods, attributes, slots, what `self` is given."""
    names: set[str] = set()
    for node in ast.walk(cls):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names |= {node.attr} if is_own_access(node.value) else set()
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names.add(node.value)  # a slot
    return {name for name in names if is_private(name)}


class Project:
    """All modules of some folders."""

    def __init__(self, root: Path) -> None:
        files = [file for folder in FOLDERS for file in sorted((root / folder).rglob("*.py"))]
        self.modules = {module.name: module for module in (Module(root, file) for file in files)}

    def found(self) -> list[Found]:
        """Return every use of a private name of another package."""
        found: set[Found] = set()
        for module in self.modules.values():
            found |= {*module.private_imports(), *module.private_attributes()}
            for cls in module.classes.values():
                found |= set(self._inherited(module, cls))
        return sorted(found)

    def _inherited(self, module: Module, cls: ast.ClassDef) -> Iterator[Found]:
        lineage = list(self._lineage(module, cls))
        foreign = [each for each in lineage if isinstance(each, type)]
        if not foreign:
            return
        theirs = {name for each in foreign for name in private_names_of(each)}
        ours = {name for each in lineage if isinstance(each, ast.ClassDef) for name in defined_in(each)}
        for name in sorted(defined_in(cls) & theirs):
            yield Found(module.file, cls.lineno, f"{cls.name}.{name} overrides its base's")
        known = ours | FIELDS
        for node in ast.walk(cls):
            if not isinstance(node, ast.Attribute) or not is_own_access(node.value):
                continue
            if is_private(node.attr) and node.attr not in known:
                yield Found(module.file, node.lineno, f"{cls.name}.{node.attr} is its base's")

    def _lineage(self, module: Module, cls: ast.ClassDef) -> Iterator[ast.ClassDef | type]:
        """Yield a class with its ancestors: syntax trees of our own, and other packages' as they are."""
        yield cls
        for base in cls.bases:
            text = ast.unparse(base.value if isinstance(base, ast.Subscript) else base)
            head, _, rest = text.partition(".")
            origin = ".".join(
                part for part in (module.sources.get(head, f"{module.name}.{head}"), rest) if part
            )
            where, _, name = origin.rpartition(".")
            ours = self.modules.get(where)
            if ours and name in ours.classes:
                yield from self._lineage(ours, ours.classes[name])
            elif head in module.sources and is_foreign(origin):
                yield from (each for each in inspect.getmro(loaded(where, name)) if each is not object)


@cache
def loaded(module: str, name: str) -> type:
    """Return a class of another package; `object` for what is none, such as a special form of typing."""
    found = getattr(importlib.import_module(module), name)
    return found if isinstance(found, type) else object


@cache
def private_names_of(cls: type) -> frozenset[str]:
    """Return the private names that a foreign class defines, as far as its source can be read."""
    names = {name for name in vars(cls) if is_private(name)}
    for method in filter(inspect.isfunction, vars(cls).values()):
        try:
            names |= defined_in(ast.parse(dedent(inspect.getsource(method))))
        except (OSError, SyntaxError):  # made by code, or a lambda
            continue
    return frozenset(names)


def is_own_access(value: ast.expr) -> bool:
    """Say whether an attribute is asked of `self`, `cls` or `super()`."""
    if isinstance(value, ast.Call):
        return isinstance(value.func, ast.Name) and value.func.id == "super"
    return isinstance(value, ast.Name) and value.id in {"self", "cls"}


def judged(root: Path) -> list[str]:
    """Return a line for each private name that is not excepted, and for each exception that is not needed."""
    lines = Project(root).found()
    names = {f"{found.file}: {found.name}" for found in lines}
    unneeded = [
        f"{name} is excepted and not used; remove it from EXCEPTIONS"
        for name in EXCEPTIONS
        if name not in names
    ]
    return [str(found) for found in lines if f"{found.file}: {found.name}" not in EXCEPTIONS] + unneeded


def main() -> int:
    """Print what is private; the status is 1 if anything is."""
    lines = judged(Path())
    for line in lines:
        sys.stdout.write(f"{line}\n")
    if lines:
        sys.stdout.write("Use what the package makes public, or except it with its reason (at most three).\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())

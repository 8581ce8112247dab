"""Which of the project's own modules import which: what has to run again when one of them has changed."""

import ast
import importlib
import importlib.util
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType


def modules_at(paths: Iterable[Path]) -> set[str]:
    """Return the names of the loaded modules that these files became."""
    wanted = {str(path) for path in paths}
    loaded = list(sys.modules.items())
    return {name for name, module in loaded if getattr(module, "__file__", None) in wanted}


def dependents(changed: Iterable[str], roots: Iterable[Path]) -> set[str]:
    """Return the changed modules and all below `roots` that import one of them, however indirectly."""
    importers = _importers(tuple(roots))
    found: set[str] = set()
    open_ = list(changed)
    while open_:
        name = open_.pop()
        if name not in found:
            found.add(name)
            open_ += importers[name]
    return found


def forget(names: Iterable[str]) -> None:
    """Make the next import of these modules run them anew, whatever the clock of the file system says."""
    importlib.invalidate_caches()
    for name in names:
        module = sys.modules.pop(name, None)
        package, _, last = name.rpartition(".")
        if package in sys.modules:  # `from package import last` looks there first
            vars(sys.modules[package]).pop(last, None)
        file = getattr(module, "__file__", None)
        if file:
            Path(importlib.util.cache_from_source(file)).unlink(missing_ok=True)


def _importers(roots: tuple[Path, ...]) -> dict[str, list[str]]:
    importers: dict[str, list[str]] = defaultdict(list)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and any(Path(file).is_relative_to(root) for root in roots):
            for imported in _imports(module, Path(file)):
                importers[imported].append(name)
    return importers


def _imports(module: ModuleType, path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):  # deleted, or broken by this very save
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_packages(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module)
            yield from _with_packages(base)
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _absolute(node: ast.ImportFrom, module: ModuleType) -> str:
    if not node.level:
        return node.module or ""
    package = module.__package__ or ""
    base = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
    return f"{base}.{node.module}" if node.module else base


def _with_packages(name: str) -> Iterator[str]:
    parts = name.split(".")
    yield from (".".join(parts[: depth + 1]) for depth in range(len(parts)))

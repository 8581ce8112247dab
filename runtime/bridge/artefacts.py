"""The generated files that the Next.js side reads: their content, which are stale, writing them.

All are committed. `annex client` writes them, `annex client --check` and `annex check` compare them, and
`annex dev` rewrites the TypeScript on save; the contract, which says which file was first at a URL, changes
by command alone. An unchanged file is not written, so that the app's watcher does not react.
"""

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from runtime.bridge import openapi, typescript, vocabulary
from runtime.routing import Operation

CONTRACT = Path("contracts/openapi.json")
DROP_IN = ("*.ts", "*.tsx", "README.md")
"""The files of `client/` that are copied into an app; its tests are not."""


def render(operations: Iterable[Operation]) -> dict[Path, bytes]:
    """Return the content of each file by its path in the project; the same bytes in every process."""
    operations = tuple(operations)
    contract = openapi.document(operations)
    words = vocabulary.vocabulary(operations, contract)
    return {
        CONTRACT: openapi.encode(contract),
        Path("contracts/errors.json"): _json(words.errors),
        Path("contracts/constants.json"): _json(words.constants),
        Path("contracts/permissions.json"): _json(words.permissions),
        Path("client/schema.ts"): typescript.emit(contract).encode(),
        Path("client/vocabulary.ts"): vocabulary.typescript(words).encode(),
    }


def stale(root: Path, operations: Iterable[Operation]) -> list[Path]:
    """Return the files below `root` that are outdated or missing."""
    return [path for path, content in render(operations).items() if _read(root / path) != content]


def write(root: Path, operations: Iterable[Operation], *, below: Path = Path()) -> list[Path]:
    """Write the stale files of the project `root`, those in its folder `below`, and return their paths."""
    contents = {path: it for path, it in render(operations).items() if path.is_relative_to(below)}
    changed = [path for path, content in contents.items() if _read(root / path) != content]
    for path in changed:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(contents[path])
    return changed


def copy_into(app: Path, root: Path) -> list[Path]:
    """Copy the client into a folder of the app and return the changed files."""
    return list(_copied(root / "client", app))


def _copied(source: Path, target: Path) -> Iterator[Path]:
    target.mkdir(parents=True, exist_ok=True)
    for pattern in DROP_IN:
        for path in sorted(source.glob(pattern)):
            if _read(target / path.name) != path.read_bytes():
                shutil.copyfile(path, target / path.name)
                yield target / path.name


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()

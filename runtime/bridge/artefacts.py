"""The files that the Next.js side reads: what they must hold, which of them are stale, writing them.

All are committed. `annex client` writes them, `annex client --check` and `annex check` compare, `annex dev`
rewrites them on save; an unchanged file is never touched, so that the app's own watcher stays quiet.
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
"""What of `client/` is copied into an app; its tests are not."""


def render(operations: Iterable[Operation]) -> dict[Path, bytes]:
    """Return every file's content by its path below the project's root; the same bytes in any process."""
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
    """Return the files below `root` that differ from what they must hold, or are missing."""
    return [path for path, content in render(operations).items() if _read(root / path) != content]


def write(root: Path, operations: Iterable[Operation]) -> list[Path]:
    """Write what is stale below `root`; return it."""
    contents = render(operations)
    changed = [path for path, content in contents.items() if _read(root / path) != content]
    for path in changed:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(contents[path])
    return changed


def copy_into(app: Path, root: Path) -> list[Path]:
    """Copy the drop-in client into a folder of the app; return what changed there."""
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

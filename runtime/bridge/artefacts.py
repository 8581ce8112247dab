"""The generated files that the Next.js side reads: their content, which are stale, writing them.

All are committed. `annex client` writes them, `annex client --check` and `annex check` compare them, and
`annex dev` rewrites the TypeScript on save; the contract, which says which file was first at a URL, changes
by command alone. An unchanged file is not written, so that the app's watcher does not react.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runtime.bridge import openapi, typescript, vocabulary
from runtime.routing import Operation

CONTRACT = Path("contracts/openapi.json")
CLIENT = Path("client")
DROP_IN = ("*.ts", "*.tsx", "README.md")
"""The files of the client that an app gets; its tests are not among them."""


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


def stale(root: Path, operations: Iterable[Operation], *, app: Path | None = None) -> list[Path]:
    """Return the files of the project `root`, and of the client in `app`, that are outdated or missing."""
    contents = render(operations)
    found = [path for path in _kept(root, contents, app) if _read(root / path) != contents[path]]
    return [*found, *_outdated(app, contents)] if app else found


def write(
    root: Path, operations: Iterable[Operation], *, below: Path = Path(), app: Path | None = None
) -> list[Path]:
    """Write what is stale of the project `root`, and return the paths.

    Args:
        root: the project's folder.
        operations: what the files describe.
        below: only the files in this folder of the project.
        app: a folder of the app that gets the whole client, None for none.
    """
    contents = render(operations)
    kept = [path for path in _kept(root, contents, app) if path.is_relative_to(below)]
    changed = {path: contents[path] for path in kept if _read(root / path) != contents[path]}
    changed |= _outdated(app, contents) if app else {}
    for path, content in changed.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return list(changed)


def core() -> Path:
    """Return the folder of what is written by hand of the client: in a wheel beside this module."""
    packed = Path(__file__).with_name("client")
    return packed if packed.is_dir() else Path(__file__).parents[2] / CLIENT


def _kept(root: Path, contents: Iterable[Path], app: Path | None) -> list[Path]:
    """Return the files that the project itself keeps: no client where the app alone has one."""
    is_apart = app is not None and not (root / CLIENT).is_dir()
    return [path for path in contents if not (is_apart and path.is_relative_to(CLIENT))]


def _outdated(app: Path, contents: dict[Path, bytes]) -> dict[Path, bytes]:
    """Return the files of the client in the app that are outdated or missing."""
    whole = {path.name: path.read_bytes() for pattern in DROP_IN for path in core().glob(pattern)}
    whole |= {path.name: content for path, content in contents.items() if path.parent == CLIENT}
    return {app / name: content for name, content in sorted(whole.items()) if _read(app / name) != content}


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()

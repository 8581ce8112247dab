"""The Next.js app beside a new service: found, and read for what the service needs to know of it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from runtime.starting.schema import AppSchema, find_schema, text_of

MANAGERS = {
    "pnpm-lock.yaml": "pnpm",
    "yarn.lock": "yarn",
    "bun.lock": "bun",
    "bun.lockb": "bun",
    "package-lock.json": "npm",
}
"""Which lock file is whose."""
_VARIABLE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=", re.MULTILINE)


class NoSingleApp(ValueError):
    """There are several apps, the one that was named is none, or the service is one; the text says so."""


class App(NamedTuple):
    """What is known of the app.

    Attributes:
        folder: its package.json is there.
        manager: npm, pnpm, yarn or bun.
        variables: the names in its `.env*` files, each with its file; no value is kept.
        schema: of Prisma or Drizzle, None without either.
        client: the folder for the TypeScript client, `@/annex` in its imports.
        has_clerk: Clerk is among its packages.
    """

    folder: Path
    manager: str
    variables: dict[str, str]
    schema: AppSchema | None
    client: Path
    has_clerk: bool


def find_app(service: Path, named: Path | None = None) -> App | None:
    """Return the app that `named` names, or the one beside or above the folder `service`; None without one.

    Raises:
        NoSingleApp: `named` is none, several stand there, or `service` is one itself.
    """
    if _is_app(service):
        raise NoSingleApp(
            f"{service} is the app itself. Give the service a folder of its own: annex init backend"
        )
    if named is not None:
        if not _is_app(named):
            raise NoSingleApp(f"--app {named}: there is no package.json with `next` in it.")
        return _read(named.resolve())
    for folder in _around(service):
        places = (folder, *folder.glob("*"), *folder.glob("apps/*"))
        found = sorted({place.resolve() for place in places if _is_app(place)})
        if len(found) > 1:
            names = ", ".join(map(str, found))
            raise NoSingleApp(f"There are several Next.js apps: {names}. Say which with --app FOLDER.")
        if found:
            return _read(found[0])
    return None


def repository(folder: Path) -> Path | None:
    """Return the root of the git repository that `folder` is or will be in."""
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), None)


def _around(service: Path) -> Iterator[Path]:
    """Yield where to look for an app: the folder around the service, and those above in its repository."""
    root = repository(service)
    yield service.parent
    if root is not None and service != root:
        yield from (each for each in service.parent.parents if each.is_relative_to(root))


def _is_app(folder: Path) -> bool:
    package = _package(folder)
    return any("next" in _table(package, key) for key in ("dependencies", "devDependencies"))


def _read(folder: Path) -> App:
    package = _package(folder)
    source = "src" if (folder / "src" / "app").is_dir() or (folder / "src" / "pages").is_dir() else ""
    return App(
        folder,
        manager=_manager(folder, package),
        variables=_variables(folder),
        schema=find_schema(folder, package),
        client=folder / source / "annex",
        has_clerk="@clerk/nextjs" in _table(package, "dependencies"),
    )


def _manager(folder: Path, package: dict[str, Any]) -> str:
    declared = str(package.get("packageManager", "")).partition("@")[0]
    if declared in MANAGERS.values():
        return declared
    root = repository(folder) or folder
    for place in (folder, *(each for each in folder.parents if each.is_relative_to(root))):
        for file, manager in MANAGERS.items():
            if (place / file).exists():
                return manager
    return "npm"


def _variables(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in sorted(folder.glob(".env*")):
        for name in _VARIABLE.findall(text_of(file)):
            found.setdefault(name, file.name)
    return found


def _package(folder: Path) -> dict[str, Any]:
    try:
        read = json.loads(text_of(folder / "package.json") or "{}")
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _table(package: dict[str, Any], key: str) -> dict[str, Any]:
    value = package.get(key)
    return value if isinstance(value, dict) else {}

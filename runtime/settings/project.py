"""What `[tool.annex]` in pyproject.toml says of a service."""

import tomllib
from pathlib import Path
from typing import Any

from msgspec import Struct

FILE = "pyproject.toml"


class Project(Struct, frozen=True):
    """The service's own part of pyproject.toml.

    Attributes:
        litestar: the team's own Litestar handlers, controllers, routers and plugins, each as `module:name`.
        client: the app's folder that the TypeScript client is written into, None where there is none.
        seed: folders of `.sql` files, in order, from which the database of development and tests is made.
        version: of the product that the service was made with or upgraded to; empty where it does not say.
        wheel: the hash of the product's wheel, ``sha256:…``; empty where it comes from a commit.
        problem: what is wrong with the file, None where it can be used.
    """

    litestar: tuple[str, ...] = ()
    client: Path | None = None
    seed: tuple[Path, ...] = ()
    version: str = ""
    wheel: str = ""
    problem: str | None = None


def read_project(folder: Path) -> Project:
    """Read pyproject.toml of a project's folder; one that is not there says nothing."""
    path = folder / FILE
    if not path.is_file():
        return Project()
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        return Project(problem=f"The file cannot be read: {error}.")
    tool = tables.get("tool", {})
    ours = tool.get("annex", {}) if isinstance(tool, dict) else None
    if not isinstance(ours, dict):
        return Project(problem="[tool.annex] is not a table.")
    for key in ("litestar", "seed"):
        if not _are_texts(ours.get(key, [])):
            return Project(problem=f"[tool.annex] {key} is not a list of texts.")
    for key in ("client", "version", "wheel"):
        if not isinstance(ours.get(key, ""), str):
            return Project(problem=f"[tool.annex] {key} is not a text.")
    return Project(
        tuple(dict.fromkeys(ours.get("litestar", []))),
        client=(folder / ours["client"]).resolve() if ours.get("client") else None,
        seed=tuple((folder / each).resolve() for each in ours.get("seed", [])),
        version=ours.get("version", ""),
        wheel=ours.get("wheel", ""),
    )


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)

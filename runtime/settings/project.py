"""What `[tool.annex]` in pyproject.toml says of a service."""

import tomllib
from pathlib import Path

from msgspec import Struct

FILE = "pyproject.toml"


class Project(Struct, frozen=True):
    """The service's own part of pyproject.toml.

    Attributes:
        litestar: the team's own Litestar handlers, controllers, routers and plugins, each as `module:name`.
        problem: what is wrong with the file, None where it can be used.
    """

    litestar: tuple[str, ...] = ()
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
    ours = tables.get("tool", {}).get("annex", {})
    names = ours.get("litestar", []) if isinstance(ours, dict) else None
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        return Project(problem="[tool.annex] litestar is not a list of texts.")
    return Project(tuple(dict.fromkeys(names)))

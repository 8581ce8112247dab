"""Whether the packages of the service can be installed as they were locked, and by which Python."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runtime.commands.finding import Finding

DEFAULT_PYTHON = "3.13"  # Railpack's, where nothing is pinned
OTHER_MANAGERS = ("requirements.txt", "poetry.lock", "pdm.lock", "Pipfile")


def examine_packages(root: Path) -> Iterator[Finding]:
    """Yield findings about pyproject.toml, uv.lock and .python-version."""
    if not (root / "pyproject.toml").is_file():
        yield Finding("packages", "pyproject.toml is missing: nothing would be installed", is_fault=True)
        return
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    yield from _lock(root, project)
    if not (root / "Dockerfile").is_file():
        for name in OTHER_MANAGERS:
            if (root / name).exists():
                yield Finding("packages", f"{name} makes Railpack ignore uv.lock: remove it", is_fault=True)
        yield from _pinned_python(root, project)


def accepts(wanted: str, version: str) -> bool:
    """Whether a `requires-python` such as ``>=3.12,<4`` takes the version ``3.13``."""
    have = _numbers(version)
    tests = {
        ">=": lambda bound: have >= bound,
        ">": lambda bound: have > bound,
        "<=": lambda bound: have <= bound,
        "<": lambda bound: have < bound,
        "==": lambda bound: have[: len(bound)] == bound,
        "~=": lambda bound: have >= bound and have[: len(bound) - 1] == bound[:-1],
        "!=": lambda bound: have[: len(bound)] != bound,
    }
    bounds = re.findall(r"(>=|<=|==|~=|!=|>|<)\s*([\d.]+)", wanted)
    return all(tests[sign](_numbers(bound)) for sign, bound in bounds)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _lock(root: Path, project: dict[str, Any]) -> Iterator[Finding]:
    file = root / "uv.lock"
    if not file.is_file():
        above = next((each for each in root.parents if (each / "uv.lock").is_file()), None)
        cause = (
            "lies above the service, where a build of this folder does not see it" if above else "is missing"
        )
        yield Finding("packages", f"uv.lock {cause}: run `uv lock` here and commit it", is_fault=True)
        return
    locked = tomllib.loads(file.read_text("utf-8"))
    own: dict[str, Any] = next((each for each in locked.get("package", []) if _is_own(each, project)), {})
    told = own.get("metadata", {}).get("requires-dist", [])
    asked = {_name(each) for each in project.get("dependencies", [])}
    had = {_name(each["name"]) for each in told if "extra ==" not in each.get("marker", "")}
    if asked != had or locked.get("requires-python") != project.get("requires-python"):
        text = (
            "uv.lock is older than pyproject.toml, so `uv sync --locked` fails: run `uv lock` and commit it"
        )
        yield Finding("packages", text, is_fault=True)
    else:
        yield Finding("packages", "uv.lock fits pyproject.toml")


def _is_own(package: dict[str, Any], project: dict[str, Any]) -> bool:
    is_here = package.get("source", {}).keys() & {"virtual", "editable"}
    return bool(is_here) and _name(package["name"]) == _name(project["name"])


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else ""


def _pinned_python(root: Path, project: dict[str, Any]) -> Iterator[Finding]:
    file = root / ".python-version"
    version = file.read_text("utf-8").strip() if file.is_file() else DEFAULT_PYTHON
    wanted = project.get("requires-python", "")
    whence = ".python-version" if file.is_file() else "Railpack's default"
    if not accepts(wanted, version):
        text = f"{whence} is Python {version}, pyproject.toml requires {wanted}: correct .python-version"
        yield Finding("packages", text, is_fault=True)
    elif not file.is_file():
        text = f"no .python-version: Railpack takes Python {version}, or another one some day"
        yield Finding("packages", text, is_doubt=True)

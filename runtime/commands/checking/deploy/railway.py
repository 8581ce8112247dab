"""What Railway would read of a service: config as code in either form, and infrastructure as code."""

import json
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from runtime.asgi import urls
from runtime.commands.checking.deploy.dockerfile import start_fault
from runtime.commands.finding import Finding
from runtime.server.budget import stop_budget
from runtime.settings import Settings

FILES = ("railway.toml", "railway.json")
KEYS = {  # docs.railway.com/config-as-code/reference
    "build": {
        "builder",
        "buildCommand",
        "dockerfilePath",
        "watchPatterns",
        "railpackVersion",
        "nixpacksConfigPath",
    },
    "deploy": {
        *("startCommand", "preDeployCommand", "healthcheckPath", "healthcheckTimeout", "restartPolicyType"),
        *("restartPolicyMaxRetries", "numReplicas", "region", "multiRegionConfig", "cronSchedule"),
        *("sleepApplication", "overlapSeconds", "drainingSeconds"),
    },
}
BUDGET = stop_budget(Settings(env="production"))


def examine_railway(root: Path) -> Iterator[Finding]:
    """Yield findings about the files that Railway reads for the service in `root`."""
    top = repository(root)
    above = [each / name for each in (*root.parents,) if each.is_relative_to(top) for name in FILES]
    for file in above if root != top else ():
        if file.is_file():
            text = f"{file.name} at {_shown(file.parent, top)} configures every service of the repository"
            yield Finding("railway", f"{text}: move it to /{root.relative_to(top).as_posix()}", is_fault=True)
    files = [root / name for name in FILES if (root / name).is_file()]
    if not files:
        text = f"health check path {urls.READY}, draining {BUDGET:g} s or more, restart policy Always"
        yield Finding("railway", f"no railway.toml; to be set in the dashboard or in railway.ts: {text}")
    if files and any((each / ".railway").is_dir() for each in (root, top)):
        text = f"{files[0].name} and .railway/ cannot manage the same service: remove {files[0].name}"
        yield Finding("railway", text, is_fault=True)
    for file in files:
        yield from _file(file, root, top)


def repository(root: Path) -> Path:
    """Return the folder of the git repository that `root` is in, `root` itself outside of any."""
    return next((each for each in (root, *root.parents) if (each / ".git").exists()), root)


def _shown(folder: Path, top: Path) -> str:
    return "the repository's root" if folder == top else f"/{folder.relative_to(top).as_posix()}"


def _file(file: Path, root: Path, top: Path) -> Iterator[Finding]:
    if (root / "package.json").is_file():
        text = f"{file.name} beside package.json configures the Next.js service too; see docs/operations.md"
        yield Finding("railway", text, is_fault=True)
    try:
        text = file.read_text("utf-8")
        told: dict[str, Any] = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
        build, deploy = dict(told.get("build", {})), dict(told.get("deploy", {}))
    except (ValueError, TypeError, AttributeError) as error:
        text = f"{file.name} cannot be read ({type(error).__name__}): the deployment fails"
        yield Finding("railway", text, is_fault=True)
        return
    text = f"Railway reads {file.name} only for services that used it before, until 1 December 2026"
    yield Finding("railway", f"{text}; set the same in .railway/railway.ts or the dashboard", is_doubt=True)
    for table, known in KEYS.items():
        for key in sorted(dict(told.get(table, {})).keys() - known):
            yield Finding(
                "railway", f"{file.name} [{table}] {key} is no key that Railway knows", is_fault=True
            )
    yield from _build(file.name, build, root, top)
    yield from _deploy(file.name, deploy)


def _build(name: str, build: dict[str, Any], root: Path, top: Path) -> Iterator[Finding]:
    builder = str(build.get("builder", "")).upper()
    if builder not in {"", "RAILPACK", "DOCKERFILE"}:
        text = f"{name} names the builder {builder}, which Railway has given up: DOCKERFILE or RAILPACK"
        yield Finding("railway", text, is_fault=True)
    path = build.get("dockerfilePath")
    if builder == "DOCKERFILE" and not (root / str(path or "Dockerfile").lstrip("/")).is_file():
        yield Finding("railway", f"{name}: there is no {path or 'Dockerfile'} to build from", is_fault=True)
    patterns = [str(each).lstrip("!/") for each in build.get("watchPatterns", [])]
    functions = f"{(root / 'functions').relative_to(top).as_posix()}/index.py"
    if patterns and not any(fnmatchcase(functions, each) for each in patterns):
        place = root.relative_to(top).as_posix()
        wanted = f"/{place}/**" if root != top else "/functions/**"
        text = (
            f"{name} watchPatterns begin at the repository's root, and none matches a function: add {wanted}"
        )
        yield Finding("railway", text, is_fault=True)


def _deploy(name: str, deploy: dict[str, Any]) -> Iterator[Finding]:
    path = deploy.get("healthcheckPath")
    if path is None:
        text = f"{name} has no healthcheckPath: traffic moves before the service is ready; set {urls.READY}"
        yield Finding("railway", text, is_fault=True)
    elif path not in {urls.READY, urls.LIVE}:
        yield Finding("railway", f"{name} healthcheckPath is {path}: set {urls.READY}", is_fault=True)
    command = deploy.get("startCommand")
    if command is not None and (problem := start_fault(str(command))):
        text = f"{name} startCommand: {problem}. Remove it, or write sh -c 'exec annex serve'."
        yield Finding("railway", text, is_fault=True)
    draining = deploy.get("drainingSeconds", 0)
    if not isinstance(draining, int) or draining < BUDGET:
        text = f"{name} drainingSeconds is {draining}, a stop takes up to {BUDGET:g} s: calls would be cut"
        yield Finding("railway", text, is_fault=True)
    if not deploy.get("overlapSeconds"):
        text = f"{name} has no overlapSeconds: the old instance stops before the edge has moved; set 10"
        yield Finding("railway", text, is_fault=True)
    if deploy.get("sleepApplication"):
        yield Finding("railway", f"{name}: a service that sleeps misses its schedules", is_doubt=True)

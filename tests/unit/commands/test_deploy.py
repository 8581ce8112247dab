"""`annex doctor --deploy`: a folder that is in order, and folders that are broken in one thing each."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.commands.checking.deploy.dockerfile import is_ignored
from runtime.commands.checking.deploy.folder import examine_folder
from runtime.commands.checking.deploy.packages import accepts
from runtime.commands.cli import main
from tests.fixtures.service import ROOT

VARIABLES = {
    "DATABASE_URL": "postgresql://app:canary@db.example.com/app",
    "CLERK_JWKS_URL": "https://clerk.example.com/.well-known/jwks.json",
    "CLERK_ISSUER": "https://clerk.example.com",
    "CLERK_AUTHORIZED_PARTIES": "https://app.example.com",
    "CORS_ORIGINS": "https://app.example.com",
}
PYPROJECT = """[project]
name = "backend"
version = "0.1.0"
requires-python = ">=3.12"
dependencies = ["annex-functions[redis]>=0.1", "numpy"]
"""
LOCK = """version = 1
requires-python = ">=3.12"

[[package]]
name = "backend"
version = "0.1.0"
source = { virtual = "." }

[package.metadata]
requires-dist = [{ name = "annex-functions", extras = ["redis"] }, { name = "numpy" }]
"""
RAILWAY = (ROOT / "runtime/starting/templates/railway.toml").read_text()
DOCKERFILE = (ROOT / "runtime/starting/templates/Dockerfile").read_text()

type Change = Callable[[Path], object]


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """A service at apps/backend of a repository, beside a Next.js app."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "package.json").write_text("{}")
    root = tmp_path / "apps" / "backend"
    (root / "functions").mkdir(parents=True)
    (root / "functions" / "hello.py").write_text("")
    for name, text in {
        "pyproject.toml": PYPROJECT,
        "uv.lock": LOCK,
        "Dockerfile": DOCKERFILE,
        "railway.toml": RAILWAY,
        ".python-version": "3.13\n",
        ".dockerignore": ".venv\n.env*\n",
    }.items():
        (root / name).write_text(text)
    return root


def faults(root: Path, variables: dict[str, str] | None = None) -> list[str]:
    found = examine_folder(root, VARIABLES if variables is None else variables)
    return [finding.text for finding in found if finding.is_fault]


def write(name: str, text: str) -> Change:
    return lambda root: (root / name).write_text(text)


def remove(name: str) -> Change:
    return lambda root: (root / name).unlink()


def replace(name: str, old: str, new: str) -> Change:
    def change(root: Path) -> None:
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new))

    return change


def several(*changes: Change) -> Change:
    return lambda root: [change(root) for change in changes]


def test_a_folder_as_init_writes_it_has_no_fault(service: Path):
    assert faults(service) == []


CMD = 'CMD ["annex", "serve"]'
SOUND: dict[str, Change] = {
    "entry point and arguments": replace("Dockerfile", CMD, 'ENTRYPOINT ["annex"]\nCMD ["serve"]'),
    "platform": replace("Dockerfile", "FROM ${BASE}\n", "FROM --platform=linux/amd64 ${BASE}\n"),
    "stage of a stage": replace("Dockerfile", "FROM ${BASE}\n", "FROM ${BASE} AS run\nFROM run\n"),
    "copy as JSON": replace("Dockerfile", "COPY . .", 'COPY --chown=1:1 [".", "."]'),
    "file of the web": replace("Dockerfile", "COPY . .", "COPY . .\nADD https://example.com/ca.pem /ca.pem"),
    "text in place": replace("Dockerfile", "COPY . .", "COPY . .\nCOPY <<EOF /etc/motd\nhello\nEOF"),
    "file by argument": replace("Dockerfile", "COPY . .", "COPY . .\nCOPY $MORE /more"),
}


@pytest.mark.parametrize("change", SOUND.values(), ids=SOUND)
def test_a_folder_that_is_written_in_another_way_is_as_good(service: Path, change: Change):
    before = examine_folder(service, VARIABLES)
    change(service)
    assert examine_folder(service, VARIABLES) == before


BROKEN: dict[str, tuple[Change, str]] = {
    "functions/ has no function file": (
        lambda root: shutil.rmtree(root / "functions"),
        "run this command in",
    ),
    "lock missing": (remove("uv.lock"), "uv.lock is missing: run `uv lock`"),
    "lock above": (
        lambda root: (root / "uv.lock").rename(root.parents[1] / "uv.lock"),
        "lies above the service",
    ),
    "lock stale": (replace("pyproject.toml", '"numpy"', '"numpy", "polars"'), "uv.lock is older than"),
    "lock of another Python": (replace("pyproject.toml", ">=3.12", ">=3.14"), "uv.lock is older than"),
    "no pyproject": (remove("pyproject.toml"), "pyproject.toml is missing"),
    "pyproject broken": (write("pyproject.toml", "[project"), "could not be examined"),
    "pyproject of tools alone": (write("pyproject.toml", "[tool.ruff]"), "could not be examined"),
    "lock of another form": (write("uv.lock", "package = [1]"), "could not be examined"),
    "configuration without an end": (write("railway.json", "[" * 100_000), "could not be examined"),
    "requirements": (
        several(remove("Dockerfile"), write("requirements.txt", "")),
        "requirements.txt makes Railpack ignore uv.lock",
    ),
    "Python pinned too old": (
        several(remove("Dockerfile"), write(".python-version", "3.11")),
        ".python-version is Python 3.11",
    ),
    "base too old": (
        replace("Dockerfile", "python:3.13-slim", "python:3.11-slim"),
        "the base has Python 3.11",
    ),
    "Dockerfile in lower case": (
        lambda root: (root / "Dockerfile").rename(root / "dockerfile"),
        "dockerfile is not found by the platform",
    ),
    "no CMD": (replace("Dockerfile", 'CMD ["annex", "serve"]', ""), "has no CMD"),
    "CMD in shell form": (replace("Dockerfile", 'CMD ["annex", "serve"]', "CMD annex serve"), "shell form"),
    "CMD of another server": (
        replace("Dockerfile", 'CMD ["annex", "serve"]', 'CMD ["uvicorn", "main:app"]'),
        "does not run `annex serve`",
    ),
    "CMD for development": (
        replace("Dockerfile", 'CMD ["annex", "serve"]', 'CMD ["annex", "dev"]'),
        "does not run `annex serve`",
    ),
    "port of its own": (
        replace("Dockerfile", 'CMD ["annex", "serve"]', 'CMD ["sh", "-c", "PORT=8000 exec annex serve"]'),
        "it sets PORT",
    ),
    "shell that keeps the signal": (
        replace("Dockerfile", 'CMD ["annex", "serve"]', 'CMD ["sh", "-c", "annex serve"]'),
        "keeps SIGTERM",
    ),
    "host of its own": (replace("Dockerfile", "PORT=8000", "PORT=8000 HOST=127.0.0.1"), "HOST names this"),
    "functions ignored": (write(".dockerignore", "*\n!pyproject.toml\n!uv.lock\n"), "leaves out functions"),
    "lock ignored": (write(".dockerignore", "*.lock\n"), "leaves out uv.lock"),
    "secrets in the image": (
        several(
            write(".env", "SECRET=canary"),
            remove(".dockerignore"),
            replace("Dockerfile", "rm -rf .venv .env .env.local .annex && ", ""),
        ),
        ".env would be in the image",
    ),
    "functions not copied": (replace("Dockerfile", "COPY . .", "COPY uv.lock ."), "does not copy functions/"),
    "file to copy missing": (replace("Dockerfile", "COPY . .", "COPY functions libs ./"), "libs is not here"),
    "railway.toml broken": (write("railway.toml", "[deploy"), "railway.toml cannot be read"),
    "railway.json broken": (write("railway.json", "[]"), "railway.json cannot be read"),
    "mistyped key": (
        replace("railway.toml", "healthcheckPath =", "healthcheck ="),
        "[deploy] healthcheck is no key that Railway knows",
    ),
    "no health check": (
        replace("railway.toml", 'healthcheckPath = "/health/ready"', ""),
        "has no healthcheckPath",
    ),
    "wrong health check": (
        replace("railway.toml", "/health/ready", "/healthz"),
        "healthcheckPath is /healthz",
    ),
    "start command without exec": (
        replace("railway.toml", "exec annex serve", "annex serve"),
        "startCommand: its shell does not `exec`",
    ),
    "no time to drain": (replace("railway.toml", "drainingSeconds = 40", ""), "drainingSeconds is 0"),
    "too little time to drain": (
        replace("railway.toml", "drainingSeconds = 40", "drainingSeconds = 5"),
        "is 5",
    ),
    "no overlap": (replace("railway.toml", "overlapSeconds = 10", ""), "has no overlapSeconds"),
    "builder given up": (replace("railway.toml", '"DOCKERFILE"', '"NIXPACKS"'), "the builder NIXPACKS"),
    "no Dockerfile for the builder": (
        replace("railway.toml", 'dockerfilePath = "Dockerfile"', 'dockerfilePath = "deploy/Dockerfile"'),
        "there is no deploy/Dockerfile",
    ),
    "watch patterns from the folder": (
        replace("railway.toml", "[build]", '[build]\nwatchPatterns = ["/functions/**"]'),
        "none matches a function: add /apps/backend/**",
    ),
    "both systems": (lambda root: (root.parents[1] / ".railway").mkdir(), "cannot manage the same service"),
    "one for every service": (
        lambda root: shutil.copy(root / "railway.toml", root.parents[1]),
        "railway.toml at the repository's root configures every service",
    ),
    "beside the app": (write("package.json", "{}"), "configures the Next.js service too"),
}


@pytest.mark.parametrize(("change", "finding"), BROKEN.values(), ids=BROKEN)
def test_a_folder_that_is_broken_in_one_thing_is_told_that_thing(service: Path, change: Change, finding: str):
    change(service)
    told = faults(service)
    assert any(finding in text for text in told), told
    assert "canary" not in "".join(told)


def test_the_repositorys_root_is_told_which_folder_is_the_service(service: Path):
    assert any(
        "set the service's Root Directory to /apps/backend" in text for text in faults(service.parents[1])
    )


@pytest.mark.parametrize(
    ("variables", "finding"),
    [
        ({}, "CLERK_PUBLISHABLE_KEY: production needs Clerk"),
        ({**VARIABLES, "PORT": "http"}, "PORT: "),
        ({**VARIABLES, "HOST": "127.0.0.1"}, "HOST names this container alone"),
        ({**VARIABLES, "DATABASE_URL": "canary"}, "DATABASE_URL: "),
    ],
)
def test_variables_with_which_production_would_not_start_are_named(
    service: Path, variables: dict[str, str], finding: str
):
    told = faults(service, variables)
    assert any(finding in text for text in told)
    assert "canary" not in "".join(told)


def test_the_command_reads_a_folder_and_a_file_of_variables(
    service: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    (tmp_path / "variables").write_text("".join(f"{name}={text}\n" for name, text in VARIABLES.items()))
    command = ["doctor", "--deploy", str(service), "--variables", str(tmp_path / "variables")]
    assert main(command) == 0
    (service / "uv.lock").unlink()
    assert main(command) == 1
    told = capsys.readouterr().out
    assert "✗ packages   uv.lock is missing" in told
    assert "canary" not in told


def test_this_repository_can_be_deployed():
    assert faults(ROOT) == []


@pytest.mark.parametrize(
    ("wanted", "version", "expected"),
    [
        (">=3.12", "3.13", True),
        (">=3.12,<3.13", "3.13.2", False),
        ("~=3.12", "3.13", True),
        ("==3.12.*", "3.13", False),
        ("!=3.13", "3.13.1", False),
        ("", "3.11", True),
    ],
)
def test_versions_of_python_are_compared(wanted: str, version: str, expected: bool):
    assert accepts(wanted, version) is expected


@pytest.mark.parametrize(
    ("rules", "path", "expected"),
    [
        (["*", "!functions"], "functions", False),
        (["*"], "uv.lock", True),
        (["**/.env"], ".env", True),
        (["# functions", "/functions/"], "functions", True),
        (["functions", "!functions"], "functions", False),
        (["docs"], "functions", False),
    ],
)
def test_the_last_rule_of_a_dockerignore_decides(rules: list[str], path: str, expected: bool):
    assert is_ignored(path, rules) is expected

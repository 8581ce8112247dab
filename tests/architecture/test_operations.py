"""The operator's pages say what the deploy files and the code say."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import runtime.app  # noqa: F401  # its errors belong to the contract
from docs.tables import _descendants
from runtime.server.budget import stop_budget
from runtime.server.server import KEEP_ALIVE
from runtime.settings import load
from shared.errors import AnnexError
from tests.fixtures.node import install

PAGE = Path("docs/operations.md").read_text("utf-8")
RAILWAY = tomllib.loads(Path("railway.toml").read_text("utf-8"))


SERVICE_VARIABLES = {
    "RAILWAY_DEPLOYMENT_OVERLAP_SECONDS": {"type": "literal", "value": "10"},
    "RAILWAY_DEPLOYMENT_DRAINING_SECONDS": {"type": "literal", "value": "40"},
}


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_service_variables_are_what_railway_toml_says():
    table = section("Deploying on Railway").partition("| service variable")[2].partition("\n\n")[0]
    said = {row[2].strip("`"): row[1] for row in rows("| service variable" + table)}
    known = {**RAILWAY["build"], **RAILWAY["deploy"]}
    assert said == {key: str(known[key]) for key in said}
    assert {"overlapSeconds", "drainingSeconds", "healthcheckTimeout"} <= said.keys()


def test_the_runbook_has_every_error_code():
    codes = {row[0].strip("`") for row in rows(section("Runbook"))}
    assert codes == {kind.code for kind in _descendants(AnnexError)}


def test_a_stop_fits_into_the_platforms_draining_time():
    clerk = {"CLERK_JWKS_URL": "https://clerk.signals.example/jwks"}
    budget = stop_budget(load({"ANNEX_ENV": "production", **clerk}))
    assert budget < RAILWAY["deploy"]["drainingSeconds"]
    assert f"a stop takes {budget:g} s at most" in PAGE


def test_idle_connections_outlive_the_edges():
    """The edge closes its own after 60 s; whoever closes first must not be us."""
    assert KEEP_ALIVE > 60
    assert f"for {KEEP_ALIVE} s" in section("Network").replace("\n", " ")


def test_railpack_would_build_from_the_lock_file():
    """A requirements.txt comes before it; without a pinned Python, `requires-python` is not looked at."""
    assert not Path("requirements.txt").exists()
    assert Path("uv.lock").exists()
    assert Path(".python-version").read_text().strip() in {"3.12", "3.13", "3.14"}


@pytest.mark.parametrize("file", ["Dockerfile", "runtime/starting/templates/Dockerfile"])
def test_a_dockerfile_pins_its_base_and_installs_what_railpack_installs(file: str):
    """What Railpack's core/providers/python builds a project with that has a uv.lock."""
    dockerfile = Path(file).read_text()
    assert re.search(r"^ARG BASE=python:3\.13-slim-bookworm@sha256:[0-9a-f]{64}$", dockerfile, re.MULTILINE)
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"${BASE}"}
    assert {"--no-dev"} == set(re.findall(r"--no-(?:dev|default-groups)", dockerfile))
    assert "PYC_INVALIDATION_MODE=UNCHECKED_HASH" in dockerfile


def test_the_example_of_infrastructure_as_code_says_what_railway_toml_says(node: str, tmp_path: Path):
    folder = Path("tests/fixtures/railway_iac").resolve()
    install(folder)
    (tmp_path / "node_modules").symlink_to(folder / "node_modules")
    example = re.search(r"```ts\n(import [^`]*railway/iac[^`]*)```", PAGE)
    assert example
    (tmp_path / "railway.mjs").write_text(example[1])
    command: list[str | Path] = [node, folder / "read.mjs", tmp_path / "railway.mjs"]
    read = subprocess.run(command, capture_output=True, text=True, check=True)
    (service,) = json.loads(read.stdout)["resources"]
    expected = {key: value for key, value in RAILWAY["deploy"].items() if key != "startCommand"}
    assert service["deploy"] == expected
    assert {**RAILWAY["build"], **service["build"]} == {
        **RAILWAY["build"],
        "watchPatterns": ["/apps/backend/**"],
    }
    for name, value in service["variables"].items():
        assert value in ({"type": "preserve"}, SERVICE_VARIABLES.get(name)), name


def test_the_start_command_keeps_no_shell_around():
    assert RAILWAY["deploy"]["startCommand"] == "sh -c 'exec annex serve'"
    dockerfile = Path("Dockerfile").read_text()
    assert dockerfile.rstrip().endswith('CMD ["annex", "serve"]')
    assert re.search(r"^USER \d+:\d+$", dockerfile, re.MULTILINE)


@pytest.mark.parametrize("page", ["docs/operations.md", "docs/security.md"])
def test_every_test_that_a_page_names_is_there(page: str):
    named = set(re.findall(r"`(tests/[\w/.]+\.py)(?:::(\w+))?`", Path(page).read_text("utf-8")))
    missing = {
        f"{file}::{name}"
        for file, name in named
        if not Path(file).is_file() or (name and f"def {name}(" not in Path(file).read_text("utf-8"))
    }
    assert named
    assert not missing

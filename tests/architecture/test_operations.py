"""The operator's pages say what the deploy files and the code say."""

import re
import tomllib
from pathlib import Path

import pytest

import runtime.app  # noqa: F401  # its errors belong to the contract
from docs.tables import _descendants
from runtime.server.budget import stop_budget
from runtime.server.server import KEEP_ALIVE
from runtime.settings import load
from shared.errors import AnnexError

PAGE = Path("docs/operations.md").read_text("utf-8")
RAILWAY = tomllib.loads(Path("railway.toml").read_text("utf-8"))


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_service_variables_are_what_railway_toml_says():
    said = {row[2].strip("`"): row[1] for row in rows(section("Deploying on Railway"))}
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

"""`annex client` and `annex check --contract`, as a person and a pipeline use them."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.test_commands import run
from tests.fixtures.node import ROOT

FUNCTION = '''"""The newest reading."""

from msgspec import Struct

from runtime import Function

config = Function(public=True)


class Reading(Struct):
    symbol: str
    value: int


async def get(symbol: str = "SPY") -> Reading:
    """Return a reading."""
    return Reading(symbol, 1)
'''


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A git repository with one function, its contract and client committed."""
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "reading.py").write_text(FUNCTION)
    (tmp_path / "functions" / "public.lock").write_text("GET /reading  reading.py\n")
    (tmp_path / "client").mkdir()
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n")
    assert run("client", cwd=tmp_path).returncode == 0
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "Begin")
    return tmp_path


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=ada", "-c", "user.email=ada@example.com")
    subprocess.run(["git", "-C", folder, *identity, *words], check=True, capture_output=True)


def edit(project: Path, old: str, new: str) -> None:
    path = project / "functions" / "reading.py"
    path.write_text(path.read_text().replace(old, new))


def test_a_fresh_client_passes_and_a_stale_one_is_named_with_the_cure(project: Path):
    assert run("client", "--check", cwd=project).returncode == 0
    edit(project, "value: int", "value: int\n    note: str = ''")
    checked = run("client", "--check", cwd=project)
    assert checked.returncode == 1
    assert "client/schema.ts is out of date; run `annex client`" in checked.stdout
    assert run("client", cwd=project).stdout.splitlines() == [
        "wrote contracts/openapi.json",
        "wrote client/schema.ts",
    ]
    assert run("client", "--check", cwd=project).returncode == 0


def test_a_broken_function_cannot_take_its_types_out_of_the_client(project: Path):
    edit(project, "async def", "async de")
    before = (project / "client" / "schema.ts").read_text()
    written = run("client", cwd=project)
    assert written.returncode == 1
    assert "reading.py" in written.stderr
    assert (project / "client" / "schema.ts").read_text() == before


def test_a_change_that_old_clients_notice_fails_until_the_changelog_owns_up(project: Path):
    edit(project, "    symbol: str\n", "")
    edit(project, "Reading(symbol, 1)", "Reading(1)")
    run("client", cwd=project)
    silent = run("check", "--contract", cwd=project)
    assert silent.returncode == 1
    assert "breaking: GET /reading response.symbol: the field was removed." in silent.stdout
    assert "acknowledge it in CHANGELOG.md" in silent.stdout
    with (project / "CHANGELOG.md").open("a") as changelog:
        changelog.write("\n- Breaking: GET /reading no longer repeats its symbol.\n")
    assert run("check", "--contract", cwd=project).returncode == 0


def test_an_additive_change_is_told_and_passes(project: Path):
    edit(project, "value: int", "value: int\n    note: str = ''")
    run("client", cwd=project)
    told = run("check", "--contract", "HEAD", cwd=project)
    assert told.returncode == 0, told.stdout
    assert "additive: GET /reading response.note: the field was added." in told.stdout


def test_a_shape_that_cannot_cross_fails_the_check(project: Path):
    edit(project, "from msgspec import Struct", "from datetime import datetime\n\nfrom msgspec import Struct")
    edit(project, "value: int", "value: datetime")
    checked = run("check", cwd=project)
    assert checked.returncode == 1
    assert "`Reading.value`: a datetime without a time zone" in checked.stdout


def test_the_client_is_copied_into_an_app(tmp_path: Path):
    app = tmp_path / "app" / "annex"
    copied = run("client", "--into", str(app), cwd=ROOT)
    assert copied.returncode == 0
    assert (app / "server.ts").read_bytes() == (ROOT / "client" / "server.ts").read_bytes()
    assert not (app / "tests").exists()
